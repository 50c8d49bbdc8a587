"""Files of raw BSON documents, as mongodump writes them, plain or gzipped."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import unquote

# MongoDB's limit for a document, and what its own tools allow on top of it.
_LONGEST_DOCUMENT = 16 * 1024 * 1024 + 16 * 1024
_SHORTEST_DOCUMENT = 5
_SUFFIXES = (".bson", ".bson.gz")


class BrokenFile(Exception):
    """A file that is no run of BSON documents; `str()` says where it breaks."""


def bson_files(directory: Path) -> dict[str, Path]:
    """Collection name → its file, for every collection in the folder but the server's own."""
    found = {
        unquote(path.name.removesuffix(suffix)): path
        for suffix in _SUFFIXES
        for path in sorted(directory.iterdir())
        if path.name.endswith(suffix) and path.is_file()
    }
    return {name: found[name] for name in sorted(found) if not name.startswith("system.")}


def raw_documents(path: Path) -> Iterator[bytes]:
    """The documents of a file, byte for byte; raises BrokenFile. Holds one document at a time."""
    try:
        with open_maybe_gzipped(path) as stream:
            number = 0
            while head := stream.read(4):
                number += 1
                yield head + _rest(stream, head, number)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BrokenFile("the gzip data is cut off or damaged") from error
    except OSError as error:
        raise BrokenFile(f"it cannot be read: {error.strerror}") from error


@contextmanager
def open_maybe_gzipped(path: Path) -> Iterator[BinaryIO]:
    """The content of a file, which is gzipped where its name ends in `.gz`."""
    with path.open("rb") as stored:
        if path.suffix != ".gz":
            yield stored
            return
        with gzip.open(stored, "rb") as content:
            yield cast(BinaryIO, content)


def _rest(stream: BinaryIO, head: bytes, number: int) -> bytes:
    length = int.from_bytes(head, "little")
    if len(head) < 4 or not _SHORTEST_DOCUMENT <= length <= _LONGEST_DOCUMENT:
        raise BrokenFile(f"document {number} does not begin with a length")
    rest = stream.read(length - 4)
    if len(rest) < length - 4:
        raise BrokenFile(f"document {number} is cut off")
    if rest[-1]:
        raise BrokenFile(f"document {number} does not end where its length says")
    return rest
