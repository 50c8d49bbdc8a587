"""Fetches one entry's bytes: whole, with the right checksum, or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx

from course_backfill.cli.outcomes import Failed
from course_backfill.errors import CourseBackfillError

TIMEOUT = httpx.Timeout(60, connect=10)


class TargetExists(CourseBackfillError):
    """The file to write is there already."""

    def __init__(self, target: Path) -> None:
        super().__init__(f"{target} exists already; --force replaces it.")


class TargetIsDirectory(CourseBackfillError):
    """There is a directory where the file is to be written."""

    def __init__(self, target: Path) -> None:
        super().__init__(f"{target} is a directory: name a file.")


class NoSuchDirectory(CourseBackfillError):
    """The file to write would be in a directory that is not there."""

    def __init__(self, target: Path) -> None:
        super().__init__(f"{target} cannot be written: there is no directory {target.parent}.")


def download(url: str, target: Path, *, sha256: str, size: int, replace: bool) -> None:
    """Stores what the URL gives as `target`, which appears at once and only if it is intact.

    Raises TargetExists, TargetIsDirectory, NoSuchDirectory, and Failed where the bytes are not
    those of the entry. The URL is signed: no error shows it.
    """
    if target.is_dir():
        raise TargetIsDirectory(target)
    if not target.parent.is_dir():
        raise NoSuchDirectory(target)
    if not replace and os.path.lexists(target):
        raise TargetExists(target)
    # Beside the target, so that giving it its name is one step of the file system.
    partial = target.with_name(f".{uuid.uuid4().hex}.partial")
    try:
        _fetch(url, partial, sha256=sha256, size=size)
        if replace:
            partial.replace(target)
        else:
            os.link(partial, target)
    except FileExistsError:
        raise TargetExists(target) from None
    except OSError as error:
        raise Failed(f"{target} cannot be written: {error.strerror}.") from error
    finally:
        partial.unlink(missing_ok=True)


def print_content(url: str, *, sha256: str, size: int) -> None:
    """Writes what the URL gives to standard output, once all of it has come and is intact.

    Raises Failed where it is not. What waits to be checked lies in the system's temporary folder.
    """
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "content"
        try:
            _fetch(url, whole, sha256=sha256, size=size)
            with whole.open("rb") as file:
                shutil.copyfileobj(file, sys.stdout.buffer)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise Failed(f"The file cannot be passed on: {error.strerror}.") from error
        sys.stdout.flush()


def _fetch(url: str, partial: Path, *, sha256: str, size: int) -> None:
    digest, count = hashlib.sha256(), 0
    with partial.open("xb") as file:
        for block in _blocks(url):
            digest.update(block)
            count += len(block)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    if (digest.hexdigest(), count) != (sha256, size):
        raise Failed(
            f"What came is not the entry: {count} bytes with sha256 {digest.hexdigest()} "
            f"instead of {size} bytes with {sha256}. Nothing was written. Try again; if it "
            "happens twice, the object in S3 was damaged."
        )


def _blocks(url: str) -> Iterator[bytes]:
    try:
        # No token goes along: the URL is its own permission, and S3 refuses two.
        with httpx.stream("GET", url, timeout=TIMEOUT) as response:
            if response.is_error:
                raise Failed(f"S3 answered {response.status_code} for the object. Try again.")
            yield from response.iter_bytes(1 << 20)
    except httpx.TransportError as error:
        raise Failed("The connection to S3 broke. Try again.") from error
