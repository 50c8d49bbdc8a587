"""Manifests: what a version is. Entries one per line, an index into them, and the manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import Field

from course_backfill.failures import Failure
from course_backfill.inventory import SourceObject
from course_backfill.records import Record

ENTRIES_NAME = "entries.jsonl"
INDEX_NAME = "index.json"
MANIFEST_NAME = "manifest.json"
MANIFEST_FILES = (ENTRIES_NAME, INDEX_NAME, MANIFEST_NAME)
"""Lie directly below a version's prefix, where no entry can: entries lie in folders of kinds."""

INDEX_EVERY = 1_000

LONGEST_LINE = 64 * 1024 * 1024
"""A line holds what MongoDB's largest document, of 16 MiB, becomes as extended JSON."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One object of a version: what the source said of it, where its copy is, and its checksums.

    `version` is the version whose prefix holds the bytes; `key` is relative to that prefix.
    """

    source: SourceObject
    key: str
    version: str
    sha256: str
    md5: str
    videos: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The entry's name in the API: the kind's folder and the true name."""
        return self.source.path

    def to_dict(self) -> dict[str, Any]:
        """The entry as `entries.jsonl` and the API give it."""
        return self.source.to_dict() | {
            "key": self.key,
            "version": self.version,
            "sha256": self.sha256,
            "md5": self.md5,
            "videos": list(self.videos),
        }

    def to_line(self) -> bytes:
        """One JSON line, the same bytes whenever it is written.

        Keys stay in their order: in the id of an old-form course's file the order is part of it.
        """
        return orjson.dumps(self.to_dict()) + b"\n"

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Entry:
        """The inverse of `to_dict`."""
        return cls(
            source=SourceObject.from_dict(fields),
            key=fields["key"],
            version=fields["version"],
            sha256=fields["sha256"],
            md5=fields["md5"],
            videos=tuple(fields["videos"]),
        )

    @classmethod
    def from_line(cls, line: bytes) -> Entry:
        """The inverse of `to_line`."""
        return cls.from_dict(orjson.loads(line))


class ManifestCourse(Record):
    """The course and the version that a manifest is of."""

    id: str
    version: str


class ManifestSource(Record):
    """Where a version was read from; fingerprints are of the objects as they were read.

    Of the bad ones too: a version that is without them still equals a source that has not changed.
    """

    provider: str
    database: str
    fingerprints: dict[str, str]


class ManifestTotals(Record):
    """Objects and bytes, in all and by kind."""

    objects: int = 0
    bytes: int = 0
    by_kind: dict[str, dict[str, int]] = Field(default_factory=dict)


class StorageManifest(Record):
    """`manifest.json`: says what a version is, never where; replica records say where."""

    type: str = "StorageManifest"
    course: ManifestCourse
    ingest: str
    created_date: str
    source: ManifestSource
    totals: ManifestTotals
    removed: int
    """Objects that the inventory had and that were deleted before they were read."""
    exceptions: tuple[Failure, ...]
    """Bad objects that the version is without: the request said `corruptObjects: record`."""
    previous_version: str | None
    entries_sha256: str

    def to_bytes(self) -> bytes:
        """The file's content, the same bytes whenever it is written."""
        fields = self.model_dump(mode="json", by_alias=True)
        return orjson.dumps(fields, option=orjson.OPT_INDENT_2)


@dataclass(slots=True)
class EntriesSummary:
    """Everything about a run of entries that is known once they have passed by, in bounded memory.

    Feed it the entries in path order. The index grows by one pair per 1,000 entries.
    """

    totals: dict[str, dict[str, int]] = field(default_factory=dict)
    index: list[tuple[str, int]] = field(default_factory=list)
    offset: int = 0
    _count: int = 0
    _sha256: Any = field(default_factory=hashlib.sha256)

    def add(self, entry: Entry) -> bytes:
        """Takes the next entry and gives its line."""
        line = entry.to_line()
        if self._count % INDEX_EVERY == 0:
            self.index.append((entry.path, self.offset))
        of_kind = self.totals.setdefault(entry.source.kind, {"objects": 0, "bytes": 0})
        of_kind["objects"] += 1
        of_kind["bytes"] += entry.source.size
        self._sha256.update(line)
        self.offset += len(line)
        self._count += 1
        return line

    @property
    def entries_sha256(self) -> str:
        """sha256 of all lines so far, in hex."""
        return str(self._sha256.hexdigest())

    def manifest_totals(self) -> ManifestTotals:
        """The totals so far."""
        return ManifestTotals(
            objects=self._count,
            bytes=sum(kind["bytes"] for kind in self.totals.values()),
            by_kind=dict(sorted(self.totals.items())),
        )

    def index_bytes(self) -> bytes:
        """`index.json`: `{"length": bytes of entries.jsonl, "lines": [[path, byte offset], …]}`."""
        return orjson.dumps({"length": self.offset, "lines": self.index})


@dataclass(frozen=True, slots=True)
class EntriesIndex:
    """Finds the stretch of `entries.jsonl` that must hold a path, without reading the file."""

    length: int
    lines: tuple[tuple[bytes, int], ...]

    @classmethod
    def from_bytes(cls, content: bytes) -> EntriesIndex:
        """Reads `index.json`."""
        fields = orjson.loads(content)
        lines = tuple((path.encode(), offset) for path, offset in fields["lines"])
        return cls(fields["length"], lines)

    def stretch_from(self, path: str) -> tuple[int, int]:
        """(start, end) of the stretch where `path` lies if it is there; bytes of entries.jsonl."""
        start, end = 0, self.length
        wanted = path.encode()
        for first_path, offset in self.lines:
            if first_path <= wanted:
                start = offset
            else:
                end = offset
                break
        return start, end


class AggregatedVersion(Record):
    """What the aggregator wrote, for the version's record."""

    manifest_key: str
    manifest_sha256: str
    entries_sha256: str
    objects: int
    bytes: int
    stored_objects: int
    """Those of them that lie with this version; the others lie with earlier ones."""
    stored_bytes: int
    exceptions: int
    fingerprints: dict[str, str]


class LineTooLong(ValueError):
    """What should have lines has none: it is another file than it is taken for."""


def split_lines(blocks: Iterator[bytes], *, longest: int = LONGEST_LINE) -> Iterator[bytes]:
    """Lines, each with its newline, out of blocks of any size; a last one may lack it.

    Raises LineTooLong for one of more bytes than `longest`, before more of it is held.
    """
    held: list[bytes] = []
    size = 0
    for block in blocks:
        start = 0
        while end := block.find(b"\n", start) + 1:
            held.append(block[start:end])
            yield b"".join(held)
            held, size, start = [], 0, end
        if start < len(block):
            held.append(block[start:])
            size += len(block) - start
            if size > longest:
                raise LineTooLong(f"a line has more than {longest} bytes")
    if held:
        yield b"".join(held)
