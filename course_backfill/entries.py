"""Entries of a registered version, read from where it is: one by its path, or page by page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from course_backfill.errors import NotFound
from course_backfill.inventory import KIND_FOLDERS
from course_backfill.manifests import (
    ENTRIES_NAME,
    INDEX_NAME,
    MANIFEST_NAME,
    EntriesIndex,
    Entry,
    StorageManifest,
    split_lines,
)
from course_backfill.ports import ObjectReader

MAX_SCANNED = 20_000
"""Entries that one page looks at; a filter that few of them pass goes on with the next page."""


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Some entries in path order; `after` is where the next page goes on, None at the end.

    A page may be short, even empty, and still not be the last.
    """

    entries: list[Entry]
    after: str | None


class VersionFiles:
    """The files of one registered version in one location; `prefix` is the version's own."""

    def __init__(self, reader: ObjectReader, prefix: str) -> None:
        self._reader = reader
        self._prefix = prefix

    def manifest(self) -> StorageManifest:
        """What the version is."""
        return StorageManifest.model_validate_json(self._whole(MANIFEST_NAME))

    def find(self, path: str) -> Entry:
        """The entry of that path, by two reads; raises NotFound where there is none."""
        start, end = self._index().stretch_from(path)
        for line in self._lines(start, end):
            entry = Entry.from_line(line)
            if entry.path == path:
                return entry
        raise NotFound(f"this version has no entry {path!r}; list its entries to see all paths")

    def page(
        self, *, limit: int, after: str = "", prefix: str = "", kind: str | None = None
    ) -> EntryPage:
        """Entries after `after` whose path begins with `prefix`, of one kind or all."""
        narrowed = _narrowed(prefix, kind)
        if narrowed is None:
            return EntryPage([], None)
        index = self._index()
        start, _ = index.stretch_from(max(narrowed, after, key=str.encode))
        found: list[Entry] = []
        last = after
        scanned = 0
        for line in self._lines(start, index.length):
            entry = Entry.from_line(line)
            if entry.path.encode() <= after.encode():
                continue
            if not entry.path.startswith(narrowed):
                if entry.path.encode() > narrowed.encode():
                    break
                continue
            if len(found) == limit or scanned == MAX_SCANNED:
                return EntryPage(found, last)
            scanned += 1
            last = entry.path
            if kind is None or entry.source.kind == kind:
                found.append(entry)
        return EntryPage(found, None)

    def _index(self) -> EntriesIndex:
        return EntriesIndex.from_bytes(self._whole(INDEX_NAME))

    def _whole(self, name: str) -> bytes:
        return b"".join(self._reader.read(self._prefix + name))

    def _lines(self, start: int, end: int) -> Iterator[bytes]:
        if start == end:
            return iter(())
        return split_lines(self._reader.read(self._prefix + ENTRIES_NAME, start=start, end=end))


def _narrowed(prefix: str, kind: str | None) -> str | None:
    """The longest prefix that all wanted paths share; None where no path can be wanted."""
    folder = f"{KIND_FOLDERS[kind]}/" if kind in KIND_FOLDERS else ""
    if prefix.startswith(folder):
        return prefix
    return folder if folder.startswith(prefix) else None
