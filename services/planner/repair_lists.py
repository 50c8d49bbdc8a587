"""Lists how each damaged object of a location is to be mended, by what an audit found."""

from __future__ import annotations

import heapq
import logging
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

from course_backfill.audits import UNREAD
from course_backfill.cold.storage import warmth
from course_backfill.copies.expected_objects import ExpectedObject
from course_backfill.copies.object_keys import DEFAULT_TYPE
from course_backfill.copies.places import Place
from course_backfill.copies.proven_versions import read_proven, write_proven
from course_backfill.copies.repairs import DAMAGE, Candidate, good_locations, planned_repair
from course_backfill.courses import CourseId, Version
from course_backfill.errors import StorageRefused
from course_backfill.failures import Failure
from course_backfill.merging import Keyed, merged_by_key
from course_backfill.ports import ObjectStat, WorkStore
from course_backfill.sorting import sort_records

logger = logging.getLogger(__name__)

_Expected = tuple[str, ExpectedObject]
"""A version, and an object that it expects."""
_Listed = tuple[str, ObjectStat]
"""A location, and an object that is there."""


@dataclass(frozen=True, slots=True)
class AuditedPlace:
    """A place that an audit looked at, and the versions that it looked at there."""

    place: Place
    versions: frozenset[str]

    @property
    def id(self) -> str:
        """The location's."""
        return self.place.location.id


def write_repairs(
    work: WorkStore,
    key: str,
    location: str,
    *,
    course: CourseId,
    findings: Iterable[Failure],
    versions: Sequence[Version],
    audited: Sequence[AuditedPlace],
    now: datetime,
) -> None:
    """Writes the damaged objects of a location to a work file, each with the copy to mend it from.

    `findings` are all of one audit, `versions` those that it could look at anywhere, `audited`
    where. Memory stays bounded.
    """
    places = {one.id: one for one in audited}
    with tempfile.TemporaryFile(prefix="course-backfill-") as file:

        def expected() -> Iterator[tuple[bytes, bytes]]:
            for version in versions:
                start = file.tell()
                having = [one.place for one in audited if version.id in one.versions]
                if not having:
                    continue
                write_proven(file, version, having)
                end = file.tell()
                for one in read_proven(file, start):
                    yield one.key.encode(), version.id.encode() + b" " + one.to_line()
                file.seek(end)

        others = (_of_listing(one, course) for one in audited if one.id != location)
        merged = merged_by_key(
            _of_findings(findings),
            _of_expected(expected()),
            heapq.merge(*others, key=itemgetter(0)),
        )
        work.put(key, (one.to_line() for one in _repairs(merged, location, places, now)))


def _repairs(
    merged: Iterable[tuple[bytes, list[Failure], list[_Expected], list[_Listed]]],
    location: str,
    places: Mapping[str, AuditedPlace],
    now: datetime,
) -> Iterator[ExpectedObject]:
    for _, told, expected, listed in merged:
        damage = {one.replica or "": one for one in told if one.code in DAMAGE}
        found = damage.get(location)
        if found is None:
            continue
        unread = {one.replica or "" for one in told if one.code == UNREAD}
        versions = {version for version, _ in expected}
        holders = [one.id for one in places.values() if versions & one.versions]
        good = good_locations(holders, damage.keys(), unread)
        wanted = expected[-1][1] if expected else _unknown(found)
        candidates = dict(_candidates(wanted, listed, places, now))
        yield planned_repair(wanted, found, good, candidates)


def _candidates(
    wanted: ExpectedObject,
    listed: Iterable[_Listed],
    places: Mapping[str, AuditedPlace],
    now: datetime,
) -> Iterator[tuple[str, Candidate]]:
    for location, stat in listed:
        if stat.size == wanted.size:
            archive = places[location].place.archive_of(stat)
            yield location, Candidate(stat.etag, archive, warmth(archive, stat.restore, now))


def _unknown(damage: Failure) -> ExpectedObject:
    """An object that no manifest is left to tell of: there is nothing to mend it from."""
    return ExpectedObject(damage.path or "", 0, "", DEFAULT_TYPE)


def _of_findings(findings: Iterable[Failure]) -> Iterator[Keyed[Failure]]:
    relevant = (one for one in findings if one.path and one.code in DAMAGE | {UNREAD})
    for key, line in sort_records(((one.path or "").encode(), one.to_line()) for one in relevant):
        yield key, Failure.from_line(line)


def _of_expected(records: Iterable[tuple[bytes, bytes]]) -> Iterator[Keyed[_Expected]]:
    for key, value in sort_records(records):
        version, _, line = value.partition(b" ")
        yield key, (version.decode(), ExpectedObject.from_line(line))


def _of_listing(one: AuditedPlace, course: CourseId) -> Iterator[Keyed[_Listed]]:
    """What nobody may list mends nothing; it must not keep the rest from being mended."""
    try:
        for stat in one.place.list(course):
            yield stat.key.encode(), (one.id, stat)
    except StorageRefused as refused:
        logger.warning("nothing is mended from %s: %s", one.id, refused)
