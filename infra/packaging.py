"""The Lambda package: locked dependencies and our own code, small, and the same bytes every time.

`python -m infra.packaging` builds it and says how large it is.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

RUNTIME = "python3.13"
ARCHITECTURE = "arm64"
BOTO_SERVICES = frozenset({"dynamodb", "events", "s3", "secretsmanager", "sqs", "sts"})
"""What shipped code makes clients of: botocore's descriptions of other services stay out."""

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements" / "lambda.txt"
BUILD = ROOT / "build"
OWN_PACKAGES = ("course_backfill", "services")
NOT_SHIPPED = ("course_backfill/cli", "course_backfill/local", "course_backfill/__main__.py")
# Compiled files and their times differ from build to build; stubs and headers serve who compiles.
DROPPED_SUFFIXES = frozenset({".c", ".h", ".lock", ".pyc", ".pyi", ".pyx", ".rst"})
DROPPED_FOLDERS = frozenset({"__pycache__", "bin", "examples", "tests"})
KEPT_OF_DIST_INFO = ("METADATA", "entry_points.txt", "LICENSE", "LICENCE", "NOTICE", "AUTHORS")
# The first moment that a ZIP file can tell.
TIME = 315532800


class PackagingError(Exception):
    """The package could not be built; the text is for the person who builds it."""


@dataclass(frozen=True)
class Platform:
    """Whose wheels a package holds."""

    name: str
    choice: tuple[str, ...]
    """The arguments that have uv choose those wheels."""


# Lambda's python3.13 is Amazon Linux 2023, whose glibc is 2.34.
LAMBDA = Platform(
    "lambda",
    ("--python-platform=aarch64-manylinux_2_34", f"--python-version={RUNTIME[6:]}"),
)
HERE = Platform(f"here-{sys.implementation.cache_tag}", ())


@dataclass(frozen=True)
class Size:
    """How large a package is, in bytes: Lambda takes 250 MB of files, and 50 MB zipped directly."""

    files: int
    zipped: int

    def __str__(self) -> str:
        return f"{self.files / 1e6:.1f} MB of files, {self.zipped / 1e6:.1f} MB zipped"


def package(*, platform: Platform = LAMBDA) -> Path:
    """The folder of the package for a platform, for `Code.from_asset`; built unless it is there.

    Its name tells what went into it: the lock, the code and this recipe. Raises PackagingError.
    """
    made = BUILD / f"{platform.name}-{_fingerprint(platform)}"
    if not made.is_dir():
        BUILD.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=BUILD, prefix="new-") as scratch:
            _fill(Path(scratch) / "package", platform)
            _publish(Path(scratch) / "package", made)
    os.utime(made)
    _discard_disused(platform)
    return made


def size(folder: Path) -> Size:
    """How large the package in `folder` is, on Lambda's disk and on the way there."""
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in _files(folder):
                archive.write(path, path.relative_to(folder))
        return Size(sum(path.stat().st_size for path in _files(folder)), file.tell())


def own_files() -> Iterator[Path]:
    """The files of this project that are shipped, relative to its folder."""
    for name in OWN_PACKAGES:
        for path in _files(ROOT / name):
            relative = path.relative_to(ROOT)
            if path.suffix == ".py" and not relative.as_posix().startswith(NOT_SHIPPED):
                yield relative


def _fingerprint(platform: Platform) -> str:
    digest = hashlib.sha256(repr(platform).encode())
    for path in [LOCK, Path(__file__), *(ROOT / own for own in own_files())]:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(ROOT)} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def _fill(folder: Path, platform: Platform) -> None:
    _install(folder, platform)
    for path in list(_files(folder)):
        if _is_dropped(path.relative_to(folder)):
            path.unlink()
    for own in own_files():
        (folder / own).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / own, folder / own)
    _make_equal(folder)


def _install(folder: Path, platform: Platform) -> None:
    command = [find_uv_bin(), "pip", "install", "--quiet", "--python", sys.executable]
    # Copied, for a link would let what is done to the package be done to uv's cache.
    command += ["--link-mode=copy", "--only-binary=:all:", "--require-hashes", "--no-deps"]
    command += ["--requirement", str(LOCK), "--target", str(folder), *platform.choice]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - uv.
    if done.returncode:
        raise PackagingError(
            f"The dependencies of {LOCK.relative_to(ROOT)} could not be installed for"
            f" {platform.name}: is the package index within reach?\n{done.stderr.strip()}"
        )


def _is_dropped(path: Path) -> bool:
    in_folder = path.parts[0]
    if in_folder.endswith(".dist-info"):
        return not path.name.startswith(KEPT_OF_DIST_INFO)
    if in_folder in {"boto3", "botocore"} and path.parts[1] == "data" and len(path.parts) > 3:
        return path.parts[2] not in BOTO_SERVICES
    return path.suffix in DROPPED_SUFFIXES or not DROPPED_FOLDERS.isdisjoint(path.parts[:-1])


def _make_equal(folder: Path) -> None:
    """Leaves nothing in `folder` that tells of when or by whom it was made."""
    # Deepest first: what is put into or taken out of a folder changes its time.
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
        else:
            path.chmod(0o755 if path.is_dir() else 0o644)
            os.utime(path, (TIME, TIME))
    folder.chmod(0o755)


def _publish(folder: Path, place: Path) -> None:
    """Moves `folder` to where it is looked for, unless another process was quicker."""
    try:
        folder.rename(place)
    except OSError:
        if not place.is_dir():
            raise


def _discard_disused(platform: Platform) -> None:
    """Every change of the code makes a new folder: those that nobody asked for for an hour go."""
    for folder in BUILD.glob(f"{platform.name}-*"):
        if folder.stat().st_mtime < time.time() - 3600:
            shutil.rmtree(folder, ignore_errors=True)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def main() -> None:
    """Builds the package for Lambda, and says where it is and how large."""
    try:
        made = package()
    except PackagingError as error:
        sys.exit(str(error))
    print(f"{made.relative_to(ROOT)}: {size(made)}")


if __name__ == "__main__":
    main()
