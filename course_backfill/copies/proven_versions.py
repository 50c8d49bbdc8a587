"""What registered versions hold, from whichever location has their manifest files undamaged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
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
    cold: str | None = None
    """Which of them cannot be read because it is archived, in a sentence; None where none is."""

    @property
    def is_entries(self) -> bool:
        """Whether it is an entries.jsonl, without which the version's objects are unknown."""
        return self.key.endswith(f"/{ENTRIES_NAME}")


def write_proven(
    file: BinaryIO, version: Version, places: Sequence[Place]
) -> tuple[UnprovenFile, ...]:
    """Appends a line for each object of the version, its manifest files included, to the file.

    The places are tried in their order, each manifest file by itself. Where none has a file as it
    was registered, that is told; without entries.jsonl the version's objects are unknown.
    """
    unproven = []
    for name, sha256, write in (
        (ENTRIES_NAME, version.entries_sha256, _write_entries),
        (MANIFEST_NAME, version.manifest_sha256, _write_manifest),
    ):
        faults = _faults(partial(write, file, version), places)
        if faults:
            cold = next((str(one) for one in faults if isinstance(one, ObjectCold)), None)
            unproven.append(UnprovenFile(_key(version, places[0], name), sha256, cold))
    return tuple(unproven)


def read_proven(file: BinaryIO, start: int = 0) -> Iterator[ExpectedObject]:
    """Everything that was written from that position on, in the order of writing."""
    file.seek(start)
    return map(ExpectedObject.from_line, file)


def is_index(one: ExpectedObject) -> bool:
    """Whether it is an index.json, which is known where the version's entries are."""
    return one.is_manifest_file and one.name == INDEX_NAME


def _faults(write: Callable[[Place], None], places: Sequence[Place]) -> list[Exception]:
    """Why each place proves nothing; none where one does."""
    faults: list[Exception] = []
    for place in places:
        try:
            write(place)
        except _UNPROVING as fault:
            faults.append(fault)
        else:
            return []
    return faults


def _write_entries(file: BinaryIO, version: Version, place: Place) -> None:
    start = file.tell()
    try:
        for one in entry_objects(place.reader, place.location, version):
            file.write(one.to_line())
    except _UNPROVING:
        file.seek(start)
        file.truncate()
        raise


def _write_manifest(file: BinaryIO, version: Version, place: Place) -> None:
    sha256, size = hashlib.sha256(), 0
    key = _key(version, place, MANIFEST_NAME)
    for block in place.reader.read(place.location.prefix + key):
        sha256.update(block)
        size += len(block)
    if sha256.hexdigest() != version.manifest_sha256:
        raise ManifestDamaged(f"{key!r} is not the file that was registered")
    file.write(manifest_file(key, size, version.manifest_sha256).to_line())


def _key(version: Version, place: Place, name: str) -> str:
    location = place.location
    prefix = location.version_prefix(CourseId.parse(version.course), version.id)
    return prefix.removeprefix(location.prefix) + name
