"""Fixity: re-reads copies with code of its own and says which differ from their entries."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from itertools import islice
from typing import Literal

from course_backfill.errors import NotFound
from course_backfill.inventory import Fault
from course_backfill.manifests import Entry
from course_backfill.ports import ObjectReader
from course_backfill.source_reading import Bad

AT_ONCE = 64
"""Entries submitted together: bounds memory, and how long a lost claim goes unnoticed."""

Method = Literal["bytes", "checksums"]


class FixityChecker:
    """Compares copies with their entries: all bytes, or S3's stored checksum where there is one."""

    def __init__(
        self,
        *,
        reader: ObjectReader,
        executor: Executor,
        method: Method,
        prefix: str,
        check: Callable[[], None],
    ) -> None:
        self._reader = reader
        self._executor = executor
        self._method = method
        self._prefix = prefix
        self._check = check

    def mismatches(self, entries: Iterable[Entry]) -> Iterator[Bad]:
        """Every entry whose copy is missing or differs."""
        remaining = iter(entries)
        while group := list(islice(remaining, AT_ONCE)):
            self._check()
            for entry, fault in zip(group, self._executor.map(self._fault, group), strict=True):
                if fault:
                    yield Bad(entry.source, fault)

    def _fault(self, entry: Entry) -> Fault | None:
        key = self._prefix + entry.key
        if self._method == "checksums":
            stat = self._reader.stat(key)
            if stat is None:
                return _missing(key)
            if stat.sha256:
                return _compare(entry, stat.size, stat.sha256)
        try:
            return _compare(entry, *self._read(key))
        except NotFound:
            return _missing(key)

    def _read(self, key: str) -> tuple[int, str]:
        sha256, size = hashlib.sha256(), 0
        for block in self._reader.read(key):
            self._check()
            sha256.update(block)
            size += len(block)
        return size, sha256.hexdigest()


def _missing(key: str) -> Fault:
    return Fault("object-missing", f"there is no object at {key!r}")


def _compare(entry: Entry, size: int, sha256: str) -> Fault | None:
    if size != entry.source.size:
        detail = f"the copy has {size} bytes, the entry says {entry.source.size}"
        return Fault("fixity-mismatch", detail)
    if sha256 != entry.sha256:
        return Fault("fixity-mismatch", f"the copy has sha256 {sha256}, the entry {entry.sha256}")
    return None
