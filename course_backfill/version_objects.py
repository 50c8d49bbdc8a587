"""The objects of a registered version, read from its manifest files where they are proven true."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from course_backfill.courses import CourseId, Version
from course_backfill.expected_objects import ExpectedObject
from course_backfill.locations import Location
from course_backfill.manifests import (
    ENTRIES_NAME,
    INDEX_NAME,
    MANIFEST_NAME,
    EntriesSummary,
    Entry,
    split_lines,
)
from course_backfill.ports import ObjectReader

DEFAULT_TYPE = "application/octet-stream"
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
    manifest = b"".join(reader.read(prefix + MANIFEST_NAME))
    if hashlib.sha256(manifest).hexdigest() != version.manifest_sha256:
        raise ManifestDamaged(f"{prefix + MANIFEST_NAME!r} is not the file that was registered")
    key = prefix.removeprefix(location.prefix) + MANIFEST_NAME
    yield manifest_file(key, len(manifest), version.manifest_sha256)


def entry_objects(
    reader: ObjectReader, location: Location, version: Version
) -> Iterator[ExpectedObject]:
    """The objects of a version's entries, entries.jsonl itself and index.json; likewise."""
    course_prefix = location.course_prefix(CourseId.parse(version.course))
    own = f"{course_prefix}{version.id}/"
    below = course_prefix.removeprefix(location.prefix)
    summary, size, content = EntriesSummary(), 0, hashlib.sha256()
    for line in split_lines(reader.read(own + ENTRIES_NAME)):
        content.update(line)
        size += len(line)
        entry = _entry(line, own + ENTRIES_NAME, summary)
        yield ExpectedObject(
            key=f"{below}{entry.version}/{entry.key}",
            size=entry.source.size,
            sha256=entry.sha256,
            content_type=entry.source.content_type or DEFAULT_TYPE,
        )
    if content.hexdigest() != version.entries_sha256:
        raise ManifestDamaged(f"{own + ENTRIES_NAME!r} is not the file that was registered")
    index = summary.index_bytes()
    prefix = f"{below}{version.id}/"
    yield manifest_file(prefix + ENTRIES_NAME, size, content.hexdigest())
    yield manifest_file(prefix + INDEX_NAME, len(index), hashlib.sha256(index).hexdigest())


def manifest_file(key: str, size: int, sha256: str) -> ExpectedObject:
    """A manifest file as an object that every location is to hold."""
    return ExpectedObject(key=key, size=size, sha256=sha256, content_type=MANIFEST_TYPE)


def _entry(line: bytes, key: str, summary: EntriesSummary) -> Entry:
    """The line's entry, counted; of a damaged file, a line may be anything."""
    try:
        entry = Entry.from_line(line)
        summary.add(entry)
        return entry
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ManifestDamaged(f"{key!r} is not the file that was registered") from error
