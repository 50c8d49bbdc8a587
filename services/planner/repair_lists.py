"""Lists how each damaged object of a location is to be mended, by what an audit found."""

from __future__ import annotations

import heapq
import logging
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

from course_backfill.audits import UNREAD
from course_backfill.cold.storage import warmth
from course_backfill.copies.expected_objects import ExpectedObject
from course_backfill.copies.places import Place
from course_backfill.copies.proven_versions import read_proven, write_proven
from course_backfill.copies.repairs import DAMAGE, Candidate, good_locations, planned_repair
from course_backfill.copies.version_objects import DEFAULT_TYPE
from course_backfill.courses import CourseId, Version
from course_backfill.errors import StorageRefused
from course_backfill.failures import Failure
from course_backfill.ports import ObjectStat, WorkStore
from course_backfill.sorting import sort_records

logger = logging.getLogger(__name__)

_FINDING, _EXPECTED, _LISTED = range(3)
_Row = tuple[bytes, int, Any]


@dataclass(frozen=True, slots=True)
class AuditedPlace:
    """A place that an audit looked at, and the versions that it looked at there."""

    place: Place
    versions: frozenset[str]

    @property
    def id(self) -> str:
        """The location's."""
        return self.place.location.id


@dataclass(slots=True)
class _KeyFacts:
    """Everything known of one key."""

    wanted: ExpectedObject | None = None
    versions: set[str] = field(default_factory=set)
    findings: list[Failure] = field(default_factory=list)
    listed: dict[str, ObjectStat] = field(default_factory=dict)

    def add(self, side: int, fact: Any) -> None:
        if side == _FINDING:
            self.findings.append(fact)
        elif side == _EXPECTED:
            version, self.wanted = fact
            self.versions.add(version)
        else:
            location, stat = fact
            self.listed[location] = stat


def write_repairs(
    work: WorkStore,
    key: str,
    location: str,
    *,
    findings: Iterable[Failure],
    versions: Sequence[Version],
    audited: Sequence[AuditedPlace],
    now: datetime,
) -> None:
    """Writes the damaged objects of a location to a work file, each with the copy to mend it from.

    `findings` are all of one audit, `versions` those that it looked at anywhere, `audited` where.
    Memory stays bounded.
    """
    places = {one.id: one for one in audited}
    course = CourseId.parse(versions[0].course)
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

        rows = heapq.merge(
            _of_findings(findings),
            _of_expected(expected()),
            *(_of_listing(one, course) for one in audited if one.id != location),
            key=lambda row: row[:2],
        )
        work.put(key, (one.to_line() for one in _repairs(rows, location, places, now)))


def _repairs(
    rows: Iterable[_Row], location: str, places: Mapping[str, AuditedPlace], now: datetime
) -> Iterator[ExpectedObject]:
    for _, group in groupby(rows, key=lambda row: row[0]):
        facts = _KeyFacts()
        for _, side, fact in group:
            facts.add(side, fact)
        damage = {one.replica or "": one for one in facts.findings if one.code in DAMAGE}
        found = damage.get(location)
        if found is None:
            continue
        unread = {one.replica or "" for one in facts.findings if one.code == UNREAD}
        holders = [one.id for one in places.values() if facts.versions & one.versions]
        good = good_locations(holders, damage.keys(), unread)
        wanted = facts.wanted or _unknown(found)
        candidates = dict(_candidates(wanted, facts.listed, places, now))
        yield planned_repair(wanted, found, good, candidates)


def _candidates(
    wanted: ExpectedObject,
    listed: Mapping[str, ObjectStat],
    places: Mapping[str, AuditedPlace],
    now: datetime,
) -> Iterator[tuple[str, Candidate]]:
    for location, stat in listed.items():
        if stat.size == wanted.size:
            archive = places[location].place.archive_of(stat)
            yield location, Candidate(stat.etag, archive, warmth(archive, stat.restore, now))


def _unknown(damage: Failure) -> ExpectedObject:
    """An object that no manifest is left to tell of: there is nothing to mend it from."""
    return ExpectedObject(damage.path or "", 0, "", DEFAULT_TYPE)


def _of_findings(findings: Iterable[Failure]) -> Iterator[_Row]:
    relevant = (one for one in findings if one.path and one.code in DAMAGE | {UNREAD})
    for key, line in sort_records(((one.path or "").encode(), one.to_line()) for one in relevant):
        yield key, _FINDING, Failure.from_line(line)


def _of_expected(records: Iterable[tuple[bytes, bytes]]) -> Iterator[_Row]:
    for key, value in sort_records(records):
        version, _, line = value.partition(b" ")
        yield key, _EXPECTED, (version.decode(), ExpectedObject.from_line(line))


def _of_listing(one: AuditedPlace, course: CourseId) -> Iterator[_Row]:
    """What nobody may list mends nothing; it must not keep the rest from being mended."""
    try:
        for stat in one.place.list(course):
            yield stat.key.encode(), _LISTED, (one.id, stat)
    except StorageRefused as refused:
        logger.warning("nothing is mended from %s: %s", one.id, refused)
