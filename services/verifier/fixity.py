"""Fixity: re-reads copies with code of its own and says which differ from what they should be."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import islice

from course_backfill.audits import Method
from course_backfill.errors import NotFound, ObjectCold
from course_backfill.inventory import Fault
from course_backfill.ports import ObjectReader, ObjectStat

AT_ONCE = 64
"""Copies submitted together: bounds memory, and how long a lost claim goes unnoticed."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What must be at a key. `crc64` gives the whole's CRC64NVME (base64) where it is known."""

    key: str
    size: int
    sha256: str
    crc64: Callable[[], str | None] = lambda: None


@dataclass(frozen=True, slots=True)
class Compared:
    """What is there: `fault` if it is not what it should be, `is_unread` if nobody could tell."""

    fault: Fault | None = None
    etag: str | None = None
    sha256: str | None = None
    is_unread: bool = False


class FixityChecker:
    """Compares copies: by all bytes, or by the sha256 that S3 stored where there is one.

    What is cold and not restored is compared by its stored checksum whatever the method.
    """

    def __init__(
        self,
        *,
        reader: ObjectReader,
        executor: Executor,
        method: Method,
        check: Callable[[], None],
    ) -> None:
        self._reader = reader
        self._executor = executor
        self._method = method
        self._check = check

    def compare(self, wanted: Iterable[Wanted]) -> Iterator[Compared]:
        """What is there of each, in order."""
        remaining = iter(wanted)
        while group := list(islice(remaining, AT_ONCE)):
            self._check()
            yield from self._executor.map(self._look, group)

    def _look(self, wanted: Wanted) -> Compared:
        if self._method == "checksums":
            stat = self._reader.stat(wanted.key)
            if stat is None or stat.sha256 or stat.size != wanted.size or _is_cold(stat):
                return _by_checksum(wanted, stat)
        try:
            size, sha256 = self._read(wanted.key)
        except NotFound:
            return _missing(wanted.key)
        except ObjectCold:
            return _by_checksum(wanted, self._reader.stat(wanted.key))
        fault = _compare(wanted, size, sha256)
        if fault is None:
            return Compared()
        stat = self._reader.stat(wanted.key)
        return Compared(fault, etag=stat.etag if stat else None, sha256=sha256)

    def _read(self, key: str) -> tuple[int, str]:
        sha256, size = hashlib.sha256(), 0
        for block in self._reader.read(key):
            self._check()
            sha256.update(block)
            size += len(block)
        return size, sha256.hexdigest()


def _is_cold(stat: ObjectStat) -> bool:
    """Whether reading it would fail for certain; a restored copy that has expired just fails."""
    return stat.archive is not None and (stat.restore is None or stat.restore.expires is None)


def _by_checksum(wanted: Wanted, stat: ObjectStat | None) -> Compared:
    """By what S3 stored of the whole object: its sha256, or else its CRC64NVME.

    Of an object without bytes the size proves all there is.
    """
    if stat is None:
        return _missing(wanted.key)
    if stat.sha256 or stat.size != wanted.size or wanted.size == 0:
        fault = _compare(wanted, stat.size, stat.sha256 or wanted.sha256)
        return Compared(fault, etag=stat.etag, sha256=stat.sha256)
    known = wanted.crc64()
    if stat.crc64 is None or known is None:
        return Compared(etag=stat.etag, is_unread=True)
    if stat.crc64 == known:
        return Compared(etag=stat.etag)
    detail = f"the copy has CRC64NVME {stat.crc64}, the one it was made of {known}"
    return Compared(Fault("fixity-mismatch", detail), etag=stat.etag)


def _missing(key: str) -> Compared:
    return Compared(Fault("object-missing", f"there is no object at {key!r}"))


def _compare(wanted: Wanted, size: int, sha256: str) -> Fault | None:
    if size != wanted.size:
        detail = f"the copy has {size} bytes, the entry says {wanted.size}"
        return Fault("fixity-mismatch", detail)
    if sha256 != wanted.sha256:
        detail = f"the copy has sha256 {sha256}, the entry {wanted.sha256}"
        return Fault("fixity-mismatch", detail)
    return None
