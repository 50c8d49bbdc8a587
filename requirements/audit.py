"""Known vulnerabilities of everything that is locked: `python -m requirements.audit`.

Fails for a known vulnerability that accepted.toml does not accept, or no longer. Where no service
that knows of vulnerabilities can be reached it says so, and fails with `--required` alone: without
a network the rest can still be checked.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

FOLDER = Path(__file__).parent
LOCK = FOLDER / "dev.txt"
"""Holds what lambda.txt holds, and the rest."""
ACCEPTED = FOLDER / "accepted.toml"
SERVICES = (("--vulnerability-service=pypi",), ("--vulnerability-service=osv",))
"""Arguments of pip-audit, in the order in which services are asked until one answers."""


class NotAudited(Exception):
    """No service answered; nothing is known of any package."""


class Vulnerability(BaseModel):
    """A known vulnerability of a package, by its ids, and the versions that mend it."""

    id: str
    aliases: tuple[str, ...] = ()
    fix_versions: tuple[str, ...] = ()


class Package(BaseModel):
    """What a service told of one locked package; `skip_reason` if it does not know it."""

    name: str
    version: str = ""
    vulns: tuple[Vulnerability, ...] = ()
    skip_reason: str | None = None


class Accepted(BaseModel):
    """A vulnerability that is let pass up to the end of a day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    package: str
    until: date
    reason: str


@dataclass(frozen=True)
class Verdict:
    """What is wrong, one sentence each; and how much was looked at."""

    wrong: Sequence[str]
    audited: int


def verdict(packages: Sequence[Package], accepted: Sequence[Accepted], today: date) -> Verdict:
    """What these findings mean. Raises NotAudited if the service knew none of the packages.

    A mirror of the index without its list of vulnerabilities answers like that: it is no all-clear.
    """
    known = [one for one in packages if one.skip_reason is None]
    if not known:
        raise NotAudited
    unknown = [one for one in packages if one.skip_reason is not None]
    wrong = [f"{one.name}: could not be audited: {one.skip_reason}" for one in unknown]
    used = set()
    for package in known:
        for found in package.vulns:
            exception = _exception(package, found, accepted)
            if exception is None or exception.until < today:
                wrong.append(_told(package, found, exception))
            used.add(exception)
    needless = [one for one in accepted if one not in used]
    wrong += [f"{one.package}: {one.id} is accepted, but was not found" for one in needless]
    return Verdict(wrong, len(known))


def read_accepted(path: Path = ACCEPTED) -> list[Accepted]:
    """What the file accepts; raises ValidationError for an entry that lacks something."""
    listed = tomllib.loads(path.read_text()).get("accepted", [])
    return [Accepted.model_validate(one) for one in listed]


def findings(lock: Path, services: Sequence[Sequence[str]] = SERVICES) -> Iterator[list[Package]]:
    """What each service tells of the lock's packages; nothing of one that is not reached."""
    for service in services:
        command = [sys.executable, "-m", "pip_audit", "--format=json", "--progress-spinner=off"]
        command += ["--disable-pip", "--require-hashes", "--requirement", str(lock), *service]
        told = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - pip-audit.
        if told.stdout.strip():
            listed = json.loads(told.stdout)["dependencies"]
            yield [Package.model_validate(one) for one in listed]


def audit(
    lock: Path, accepted: Sequence[Accepted], services: Sequence[Sequence[str]] = SERVICES
) -> Verdict:
    """The verdict of the first service that answers; raises NotAudited if none does."""
    for packages in findings(lock, services):
        try:
            return verdict(packages, accepted, datetime.now(UTC).date())
        except NotAudited:
            continue
    raise NotAudited


def main(arguments: Sequence[str] | None = None) -> int:
    """Says what was found; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m requirements.audit")
    parser.add_argument("--required", action="store_true", help="fail if nothing can be audited")
    required = parser.parse_args(arguments).required
    try:
        found = audit(LOCK, read_accepted())
    except NotAudited:
        print(
            "NOT AUDITED: no service that knows of vulnerabilities could be reached, or none knew"
            " any of our packages. Nothing is known to be wrong, and nothing is known to be right:"
            " run `make audit` where the internet can be reached.",
            file=sys.stderr,
        )
        return int(required)
    for one in found.wrong:
        print(one, file=sys.stderr)
    print(f"{found.audited} packages audited, {len(found.wrong)} findings")
    return int(bool(found.wrong))


def _exception(
    package: Package, found: Vulnerability, accepted: Sequence[Accepted]
) -> Accepted | None:
    names = {found.id, *found.aliases}
    matching = (one for one in accepted if one.package == package.name and one.id in names)
    return next(matching, None)


def _told(package: Package, found: Vulnerability, expired: Accepted | None) -> str:
    names = ", ".join([found.id, *found.aliases])
    mended = " or ".join(found.fix_versions)
    until = f"; it was accepted until {expired.until}" if expired else ""
    advice = f"mended in {mended}: make lock" if mended else "not mended yet"
    return f"{package.name} {package.version}: {names} ({advice}{until})"


if __name__ == "__main__":
    sys.exit(main())
