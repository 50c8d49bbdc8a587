"""Sorting in bounded memory: runs on disk, merged; and inventories brought into their order."""

from __future__ import annotations

import heapq
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby, islice
from pathlib import Path
from typing import BinaryIO

from course_backfill.inventory import Fault, SourceObject

RUN_RECORDS = 20_000
"""Records in memory at a time; at about 1 KB each, some 20 MB."""

CANONICAL_C4X = ["category", "name", "course", "tag", "org", "revision"]
"""The key order in which the platform looks a c4x document up."""


def sort_records(records: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """(key, value) pairs in bytewise order, whatever their number."""
    pending = iter(records)
    first = sorted(islice(pending, RUN_RECORDS))
    if len(first) < RUN_RECORDS:
        yield from first
        return
    with tempfile.TemporaryDirectory(prefix="course-backfill-") as directory:
        runs: list[Path] = []
        run = first
        while run:
            runs.append(_write_run(Path(directory) / str(len(runs)), run))
            run = sorted(islice(pending, RUN_RECORDS))
        yield from heapq.merge(*(_read_run(path) for path in runs))


def in_inventory_order(objects: Iterable[SourceObject]) -> Iterator[SourceObject]:
    """Objects sorted bytewise by path; of several documents with one path all but one get a fault.

    The one that stays good is the one that the platform would serve.
    """
    records = ((found.sort_key, _preference(found) + found.to_line()) for found in objects)
    previous: str | None = None
    for _, value in sort_records(records):
        found = SourceObject.from_line(value[1:])
        if found.path == previous:
            detail = f"another document has the path {found.path!r} too"
            found = replace(found, fault=Fault("duplicate-path", detail))
        previous = found.path
        yield found


def twins(paths: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """(code, paths) for every group of paths that differ only in Unicode form or in case."""
    records = ((_folded(path), path.encode()) for path in paths)
    for _, group in groupby(sort_records(records), key=lambda record: record[0]):
        found = list(dict.fromkeys(value.decode() for _, value in group))
        if len(found) > 1:
            forms = {unicodedata.normalize("NFC", path) for path in found}
            yield ("unicode-twins" if len(forms) < len(found) else "case-twins"), found


def _preference(found: SourceObject) -> bytes:
    is_odd = isinstance(found.source_id, dict) and list(found.source_id) != CANONICAL_C4X
    return b"1" if is_odd else b"0"


def _folded(path: str) -> bytes:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold()).encode()


def _write_run(path: Path, run: list[tuple[bytes, bytes]]) -> Path:
    with path.open("wb") as file:
        for record in run:
            for field in record:
                file.write(len(field).to_bytes(4, "big") + field)
    return path


def _read_run(path: Path) -> Iterator[tuple[bytes, bytes]]:
    with path.open("rb") as file:
        while (key := _read_field(file)) is not None:
            value = _read_field(file)
            yield key, value or b""


def _read_field(file: BinaryIO) -> bytes | None:
    length = file.read(4)
    return file.read(int.from_bytes(length, "big")) if length else None
