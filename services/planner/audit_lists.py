"""Lists what an audited location is to hold, by manifests that some location proves."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

from course_backfill.copies.expected_objects import ExpectedObject, distinct
from course_backfill.copies.places import Place
from course_backfill.copies.proven_versions import UnprovenFile, is_index, read_proven, write_proven
from course_backfill.copies.replica_planning import expected_objects, joined
from course_backfill.copies.version_objects import manifest_file
from course_backfill.courses import CourseId, Version
from course_backfill.errors import ObjectCold, StorageRefused
from course_backfill.ports import WorkStore


def write_audited(
    work: WorkStore,
    key: str,
    *,
    versions: Sequence[tuple[Version, Sequence[Place]]],
    target: Place,
    is_warming: bool,
) -> None:
    """Writes what `target` is to hold of the versions to a work file.

    With each version come the places that have it, which its manifest files are looked for in; a
    file that none of them proves is listed all the same, and will be found altered. With
    `is_warming`, what is cold in `target` says so. Raises ObjectCold where entries.jsonl of a
    version can be read nowhere because it is archived: an audit without it would pass unseen
    objects for good.
    """
    course = CourseId.parse(versions[0][0].course)
    with tempfile.TemporaryFile(prefix="course-backfill-") as file:
        unproven = list(
            chain.from_iterable(write_proven(file, version, places) for version, places in versions)
        )
        for one in unproven:
            if one.is_entries and one.cold is not None:
                raise ObjectCold(one.cold)
        proven = chain(read_proven(file), (_unproven(one, target) for one in unproven))
        expected = distinct(proven)
        if is_warming:
            expected = _with_archive(expected, target, course)
        work.put(key, (one.to_line() for one in expected))


def known_versions(work: WorkStore, key: str) -> frozenset[str]:
    """The versions whose entries a list holds: of others nobody can say what is surplus."""
    return frozenset(one.version for one in expected_objects(work, key) if is_index(one))


def _unproven(one: UnprovenFile, target: Place) -> ExpectedObject:
    """Of whatever size it is there, so that it is the checksum that tells."""
    try:
        stat = target.reader.stat(target.location.prefix + one.key)
    except StorageRefused:
        # Reading tells, and what is known of the other locations is told nevertheless.
        stat = None
    return manifest_file(one.key, stat.size if stat else 0, one.sha256)


def _with_archive(
    expected: Iterator[ExpectedObject], target: Place, course: CourseId
) -> Iterator[ExpectedObject]:
    for one, stat, _ in joined(expected, target.list(course)):
        yield replace(one, archive=target.archive_of(stat)) if stat else one
