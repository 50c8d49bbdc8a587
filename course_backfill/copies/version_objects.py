"""The objects of a registered version, read from its manifest files where they are proven true."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from course_backfill.checksums import checksums_of
from course_backfill.copies.expected_objects import ExpectedObject
from course_backfill.copies.object_keys import DEFAULT_TYPE
from course_backfill.courses import CourseId, Version
from course_backfill.locations import Location
from course_backfill.manifests import (
    ENTRIES_NAME,
    INDEX_NAME,
    MANIFEST_NAME,
    EntriesSummary,
    Entry,
    LineTooLong,
    split_lines,
)
from course_backfill.ports import ObjectReader

MANIFEST_TYPE = "application/json"


class ManifestDamaged(Exception):
    """A manifest file is not the one that was registered; `str()` names it."""


def version_objects(
    reader: ObjectReader, location: Location, version: Version
) -> Iterator[ExpectedObject]:
    """Every object of a version, its three manifest files included; memory stays bounded.

    The register's record holds the checksums of entries.jsonl and manifest.json, and index.json is
    a function of the entries: a file that differs raises ManifestDamaged. That is known only at
    the end, so nothing may be concluded from the objects before. Raises NotFound where a file is
    missing.
    """
    yield from entry_objects(reader, location, version)
    prefix = location.version_prefix(CourseId.parse(version.course), version.id)
    size = 0

    def measured() -> Iterator[bytes]:
        nonlocal size
        for block in reader.read(prefix + MANIFEST_NAME):
            size += len(block)
            yield block

    stored = checksums_of(measured())
    if stored.sha256 != version.manifest_sha256:
        raise ManifestDamaged(f"{prefix + MANIFEST_NAME!r} is not the file that was registered")
    key = prefix.removeprefix(location.prefix) + MANIFEST_NAME
    yield manifest_file(key, size, stored.sha256, stored.md5)


def entry_objects(
    reader: ObjectReader, location: Location, version: Version
) -> Iterator[ExpectedObject]:
    """The objects of a version's entries, entries.jsonl itself and index.json; likewise."""
    course_prefix = location.course_prefix(CourseId.parse(version.course))
    own = f"{course_prefix}{version.id}/"
    below = course_prefix.removeprefix(location.prefix)
    summary, size = EntriesSummary(), 0
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    for line in _lines(reader, own + ENTRIES_NAME):
        sha256.update(line)
        md5.update(line)
        size += len(line)
        entry = _entry(line, own + ENTRIES_NAME, summary)
        yield ExpectedObject(
            key=f"{below}{entry.version}/{entry.key}",
            size=entry.source.size,
            sha256=entry.sha256,
            content_type=entry.source.content_type or DEFAULT_TYPE,
            md5=entry.md5,
        )
    if sha256.hexdigest() != version.entries_sha256:
        raise ManifestDamaged(f"{own + ENTRIES_NAME!r} is not the file that was registered")
    index = summary.index_bytes()
    prefix = f"{below}{version.id}/"
    yield manifest_file(prefix + ENTRIES_NAME, size, sha256.hexdigest(), md5.hexdigest())
    stored = checksums_of([index])
    yield manifest_file(prefix + INDEX_NAME, len(index), stored.sha256, stored.md5)


def manifest_file(key: str, size: int, sha256: str, md5: str | None = None) -> ExpectedObject:
    """A manifest file as an object that every location is to hold."""
    return ExpectedObject(key, size, sha256, MANIFEST_TYPE, md5)


def _lines(reader: ObjectReader, key: str) -> Iterator[bytes]:
    try:
        yield from split_lines(reader.read(key))
    except LineTooLong as error:
        raise ManifestDamaged(f"{key!r} is not the file that was registered") from error


def _entry(line: bytes, key: str, summary: EntriesSummary) -> Entry:
    """The line's entry, counted; of a damaged file, a line may be anything."""
    try:
        entry = Entry.from_line(line)
        summary.add(entry)
        return entry
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ManifestDamaged(f"{key!r} is not the file that was registered") from error
