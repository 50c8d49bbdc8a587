"""Plans what a location is to hold: manifests, held against what two listings show to be there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from course_backfill.cold.warming import ColdTotals
from course_backfill.copies.expected_objects import ExpectedObject, distinct, listed_fault
from course_backfill.copies.places import Place
from course_backfill.copies.version_objects import version_objects
from course_backfill.courses import CourseId, Version
from course_backfill.errors import Fenced
from course_backfill.ingests import Packet, Replica
from course_backfill.inventory import Fault
from course_backfill.manifests import split_lines
from course_backfill.merging import merged_by_key
from course_backfill.packets import PacketRange, cut_packets
from course_backfill.ports import ObjectStat, WorkStore

MAX_FAULTS = 10_000


@dataclass(slots=True)
class UncopiableObjects:
    """Objects that the location to be copied from has not, or has otherwise."""

    count: int = 0
    first: list[tuple[str, Fault]] = field(default_factory=list)
    """At most MAX_FAULTS, by key."""

    def add(self, key: str, fault: Fault) -> None:
        """Takes the next one."""
        self.count += 1
        if len(self.first) < MAX_FAULTS:
            self.first.append((key, fault))


def write_expected(
    work: WorkStore, key: str, *, versions: Sequence[Version], source: Place, target: Place
) -> UncopiableObjects:
    """Writes the expected objects of the versions to a work file, as they are to be copied.

    The manifests are read from `source`. Raises ManifestDamaged, ManifestsDisagree, NotFound
    where a manifest file is missing, and ObjectCold where one is archived.
    """
    uncopiable = UncopiableObjects()
    course = CourseId.parse(versions[0].course)
    expected = distinct(
        one
        for version in versions
        for one in version_objects(source.reader, source.location, version)
    )

    def pinned() -> Iterator[bytes]:
        listings = source.list(course), target.list(course)
        for one, at_source, at_target in joined(expected, *listings):
            if at_target is not None and at_target.size == one.size:
                yield replace(one, is_present=True).to_line()
            elif at_source is not None and at_source.size == one.size:
                archive = source.archive_of(at_source)
                yield replace(one, etag=at_source.etag, archive=archive).to_line()
            else:
                uncopiable.add(one.key, listed_fault(one, at_source))

    work.put(key, pinned())
    return uncopiable


@dataclass(slots=True)
class ExpectedScan:
    """What one pass over lists of expected objects tells."""

    objects: int = 0
    size: int = 0
    """In bytes."""
    present: int = 0
    to_copy: int = 0
    """In bytes."""
    cold: dict[str, ColdTotals] = field(default_factory=dict)
    """Archive class → what must be restored from it before it can be copied."""

    def packets(self, work: WorkStore, key: str) -> list[PacketRange]:
        """Cuts the file into packets while taking it."""
        return list(cut_packets(self._measured(split_lines(work.read(key)))))

    def missing(self, objects: Iterable[ExpectedObject]) -> Iterator[ExpectedObject]:
        """Those that are not there yet, while taking all."""
        for one in objects:
            self._add(one)
            if not one.is_present:
                yield one

    def _measured(self, lines: Iterator[bytes]) -> Iterator[tuple[int, int]]:
        for line in lines:
            one = ExpectedObject.from_line(line)
            self._add(one)
            yield len(line), one.size

    def _add(self, one: ExpectedObject) -> None:
        self.objects += 1
        self.size += one.size
        if one.is_present:
            self.present += 1
            return
        self.to_copy += one.size
        if one.archive is not None:
            self.cold[one.archive] = self.cold.get(one.archive, ColdTotals()).plus(one.size)


def expected_objects(work: WorkStore, key: str) -> Iterator[ExpectedObject]:
    """The objects of a work file, in the order of their keys."""
    return map(ExpectedObject.from_line, split_lines(work.read(key)))


def packet_objects(work: WorkStore, replica: Replica, packet: Packet) -> Iterator[ExpectedObject]:
    """Those of them that one packet of the replica has; raises Fenced for one without a list."""
    if replica.expected is None:
        raise Fenced(f"the replica in {replica.location} has no list of what it must hold")
    end = packet.offset + packet.length
    lines = split_lines(work.read(replica.expected, start=packet.offset, end=end))
    return map(ExpectedObject.from_line, lines)


def joined(
    expected: Iterable[ExpectedObject],
    first: Iterable[ObjectStat],
    second: Iterable[ObjectStat] = (),
) -> Iterator[tuple[ExpectedObject, ObjectStat | None, ObjectStat | None]]:
    """Each expected object beside what two listings have at its key; all three sorted by key."""
    merged = merged_by_key(
        ((one.key.encode(), one) for one in expected),
        ((one.key.encode(), one) for one in first),
        ((one.key.encode(), one) for one in second),
    )
    for _, wanted, at_first, at_second in merged:
        for one in wanted:
            yield one, next(iter(at_first), None), next(iter(at_second), None)
