"""Where the embedded S3 keeps its bytes: small ones in memory, all others in files of one folder.

A blob never changes. Copies, ranges and finished uploads share the pieces of the blobs they were
made from, so that completing an upload or copying an object moves no byte.
"""

import fcntl
import itertools
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from course_backfill.local.embedded_aws.checksums import Digest, new_digest

IN_MEMORY_BYTES = 4096
READ_BYTES = 1024 * 1024


class Blob:
    """Bytes of a fixed length, with the digests that are known of them (raw, by algorithm)."""

    def __init__(self, pieces: "Iterable[_Piece]" = (), digests: dict[str, bytes] | None = None):
        self._pieces = tuple(piece for piece in pieces if piece.size)
        # A piece keeps its digests, so that copies of one part of an upload need not count them.
        self._digests = self._pieces[0].digests if len(self._pieces) == 1 else {}
        self._digests.update(digests or {})
        self._digests_of_cuts: dict[tuple[int, int], dict[str, bytes]] = {}
        self.size = sum(piece.size for piece in self._pieces)

    @classmethod
    def of(cls, data: bytes) -> "Blob":
        """These bytes, held in memory."""
        return cls([_Piece(data, 0, len(data))])

    @classmethod
    def joined(cls, blobs: "Iterable[Blob]", digests: dict[str, bytes] | None = None) -> "Blob":
        """All of them in a row; no byte is moved. `digests` are those known of the whole."""
        return cls(itertools.chain.from_iterable(blob._pieces for blob in blobs), digests)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, span: slice) -> "Blob":
        start, stop, _ = span.indices(self.size)
        if stop - start == self.size:
            return self
        return Blob(self._cut(start, stop))

    def cut(self, start: int, stop: int) -> "Blob":
        """As a slice, but what is counted of it stays known for the next such cut."""
        part = self[start:stop]
        if part is not self:
            part._digests = self._digests_of_cuts.setdefault((start, stop), part._digests)
        return part

    def __bytes__(self) -> bytes:
        return b"".join(self.chunks())

    def chunks(self) -> Iterator[bytes]:
        """All bytes, in reads of bounded size."""
        return itertools.chain.from_iterable(piece.chunks() for piece in self._pieces)

    def digest(self, algorithm: str) -> bytes:
        """The raw digest; counted once. Algorithms: those of `checksums.ALGORITHMS`, and MD5."""
        self.count({algorithm})
        return self._digests[algorithm]

    def uncounted(self, algorithms: Iterable[str]) -> set[str]:
        """Those whose digests are not known yet."""
        return set(algorithms) - self._digests.keys()

    def count(self, algorithms: Iterable[str]) -> None:
        """Makes these digests known, reading once where any is not; safe in another thread."""
        counted = {algorithm: new_digest(algorithm) for algorithm in self.uncounted(algorithms)}
        if not counted:
            return
        for chunk in self.chunks():
            for digest in counted.values():
                digest.update(chunk)
        self._digests.update({name: digest.digest() for name, digest in counted.items()})

    def _cut(self, start: int, stop: int) -> "Iterator[_Piece]":
        offset = 0
        for piece in self._pieces:
            first, last = max(start, offset), min(stop, offset + piece.size)
            if last - first == piece.size:
                yield piece
            elif first < last:
                yield _Piece(piece.held, piece.start + first - offset, last - first)
            offset += piece.size


class DirectoryInUse(Exception):
    """Another server keeps its objects in the wanted folder."""


class BlobStore:
    """A folder of blobs. A file goes when the last blob that uses it has gone.

    Without a folder a temporary one is made. `close` removes the folder in both cases. Raises
    DirectoryInUse.
    """

    def __init__(self, directory: Path | None = None) -> None:
        if directory is None:
            directory = Path(tempfile.mkdtemp(prefix="course-backfill-s3-"))
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._lock = _locked(directory)
        for left_by_a_killed_server in directory.iterdir():
            left_by_a_killed_server.unlink()
        self._numbers = itertools.count()

    def writer(self, algorithms: Iterable[str]) -> "BlobWriter":
        """Takes the bytes of the next blob, and counts these digests of them."""
        return BlobWriter(self._directory / f"{next(self._numbers):x}", algorithms)

    def close(self) -> None:
        """Removes the folder with all that lies in it."""
        shutil.rmtree(self._directory, ignore_errors=True)
        os.close(self._lock)


class BlobWriter:
    """Takes the bytes of one blob as they arrive and counts the wanted digests on the way."""

    def __init__(self, path: Path, algorithms: Iterable[str]) -> None:
        self._path = path
        self._digests: dict[str, Digest] = {name: new_digest(name) for name in algorithms}
        self._small = bytearray()
        self._file: BinaryIO | None = None
        self.size = 0

    def write(self, data: bytes) -> None:
        """Takes the next bytes."""
        for digest in self._digests.values():
            digest.update(data)
        self.size += len(data)
        if self._file is None and self.size <= IN_MEMORY_BYTES:
            self._small += data
            return
        if self._file is None:
            self._file = self._path.open("wb", buffering=READ_BYTES)
            self._file.write(self._small)
        self._file.write(data)

    def finish(self) -> Blob:
        """The blob of all bytes taken."""
        digests = {name: digest.digest() for name, digest in self._digests.items()}
        if self._file is None:
            return Blob([_Piece(bytes(self._small), 0, self.size)], digests)
        self._file.close()
        return Blob([_Piece(_File(self._path), 0, self.size)], digests)

    def discard(self) -> None:
        """Forget what was written; for a request that broke off."""
        if self._file is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)


def _locked(directory: Path) -> int:
    lock = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise DirectoryInUse(
            f"{directory} is used by another embedded AWS. Stop it, or choose another folder."
        ) from None
    return lock


class _File:
    def __init__(self, path: Path) -> None:
        self.path = path
        weakref.finalize(self, path.unlink, missing_ok=True).atexit = False


class _Piece:
    """A span of bytes that are held in memory or in a file."""

    def __init__(self, held: bytes | _File, start: int, size: int) -> None:
        self.held = held
        self.start = start
        self.size = size
        self.digests: dict[str, bytes] = {}

    def chunks(self) -> Iterator[bytes]:
        if isinstance(self.held, bytes):
            yield self.held[self.start : self.start + self.size]
            return
        with self.held.path.open("rb", buffering=0) as file:
            file.seek(self.start)
            left = self.size
            while left:
                chunk = file.read(min(left, READ_BYTES))
                if not chunk:
                    raise OSError(f"{self.held.path} is shorter than the object it holds")
                left -= len(chunk)
                yield chunk
