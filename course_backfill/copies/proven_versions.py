"""What registered versions hold, from whichever location has their manifest files undamaged."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from course_backfill.copies.expected_objects import ExpectedObject
from course_backfill.copies.places import Place
from course_backfill.copies.version_objects import ManifestDamaged, entry_objects, manifest_file
from course_backfill.courses import CourseId, Version
from course_backfill.errors import NotFound, ObjectCold, StorageRefused
from course_backfill.manifests import ENTRIES_NAME, INDEX_NAME, MANIFEST_NAME

_UNPROVING = (ManifestDamaged, NotFound, ObjectCold, StorageRefused)
"""Why a location's file proves nothing; an outage says nothing, and comes through."""


@dataclass(frozen=True, slots=True)
class UnprovenFile:
    """A manifest file that no location has as it was registered; `key` without their prefixes."""

    key: str
    sha256: str


def write_proven(
    file: BinaryIO, version: Version, places: Sequence[Place]
) -> tuple[UnprovenFile, ...]:
    """Appends a line for each object of the version, its manifest files included, to the file.

    The places are tried in their order, each manifest file by itself. Where none has a file as it
    was registered, that is told; without entries.jsonl the version's objects are unknown.
    """
    unproven = []
    if not any(_write_entries(file, version, place) for place in places):
        key = _key(version, places[0], ENTRIES_NAME)
        unproven.append(UnprovenFile(key, version.entries_sha256))
    if not any(_write_manifest(file, version, place) for place in places):
        key = _key(version, places[0], MANIFEST_NAME)
        unproven.append(UnprovenFile(key, version.manifest_sha256))
    return tuple(unproven)


def read_proven(file: BinaryIO, start: int = 0) -> Iterator[ExpectedObject]:
    """Everything that was written from that position on, in the order of writing."""
    file.seek(start)
    return map(ExpectedObject.from_line, file)


def is_index(one: ExpectedObject) -> bool:
    """Whether it is an index.json, which is known where the version's entries are."""
    return one.is_manifest_file and one.name == INDEX_NAME


def _write_entries(file: BinaryIO, version: Version, place: Place) -> bool:
    start = file.tell()
    try:
        for one in entry_objects(place.reader, place.location, version):
            file.write(one.to_line())
    except _UNPROVING:
        file.seek(start)
        file.truncate()
        return False
    return True


def _write_manifest(file: BinaryIO, version: Version, place: Place) -> bool:
    sha256, size = hashlib.sha256(), 0
    key = _key(version, place, MANIFEST_NAME)
    try:
        for block in place.reader.read(place.location.prefix + key):
            sha256.update(block)
            size += len(block)
    except _UNPROVING:
        return False
    if sha256.hexdigest() != version.manifest_sha256:
        return False
    file.write(manifest_file(key, size, version.manifest_sha256).to_line())
    return True


def _key(version: Version, place: Place, name: str) -> str:
    location = place.location
    prefix = location.version_prefix(CourseId.parse(version.course), version.id)
    return prefix.removeprefix(location.prefix) + name
