"""What an ingest has yet to read of locations, beside what their listings show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from course_backfill.cold.storage import INTELLIGENT_TIERING
from course_backfill.copies.expected_objects import ExpectedObject
from course_backfill.copies.places import Place, Places
from course_backfill.copies.replica_planning import expected_objects, joined, packet_objects
from course_backfill.courses import CourseId
from course_backfill.ingests import Ingest, Replica
from course_backfill.merging import Keyed, first_by_key
from course_backfill.ports import ObjectStat, WorkStore
from course_backfill.stores.packets import PacketStore


@dataclass(frozen=True, slots=True)
class WantedList:
    """Expected objects sorted by key, all to be read from `source`; None: each names its own."""

    source: str | None
    read: Callable[[], Iterator[ExpectedObject]]


@dataclass(frozen=True, slots=True)
class WantedObject:
    """An object that is to be read, in the place that it is read from."""

    place: Place
    expected: ExpectedObject
    listed: ObjectStat

    @property
    def position(self) -> str:
        """Where it comes in the order of all of them."""
        return f"{self.place.location.id}\n{self.expected.key}"

    def seen(self, *, is_anew: bool = False) -> ObjectStat:
        """What S3 says of it now.

        Listings do not tell whether Intelligent-Tiering has archived an object: that is asked for
        where planning found it archived, or else only if `is_anew`.
        """
        may_be_archived = self.expected.archive is not None or is_anew
        if self.listed.storage_class != INTELLIGENT_TIERING or not may_be_archived:
            return self.listed
        key = self.place.location.prefix + self.expected.key
        return self.place.reader.stat(key) or self.listed


def wanted_objects(
    lists: Sequence[WantedList], *, places: Places, course: CourseId
) -> Iterator[WantedObject]:
    """Each object once, whatever the number of lists that name it, location by location.

    What is missing in its location is passed over: copying tells. Memory stays bounded.
    """
    for source in sorted(_sources(lists)):
        place = places.get(source)
        wanted = first_by_key(*(_of_source(one, source) for one in lists))
        for expected, listed, _ in joined(wanted, place.list(course)):
            if listed is not None:
                yield WantedObject(place, expected, listed)


def unread_lists(
    ingest: Ingest, replicas: Iterable[Replica], *, work: WorkStore, packets: PacketStore
) -> list[WantedList]:
    """What the packets of an ingest that are not done are to read; all, where it has none."""
    return [
        WantedList(
            source=replica.source,
            read=_reader(ingest, replica, replica.expected, work=work, packets=packets),
        )
        for replica in replicas
        if replica.expected
    ]


def _reader(
    ingest: Ingest, replica: Replica, key: str, *, work: WorkStore, packets: PacketStore
) -> Callable[[], Iterator[ExpectedObject]]:
    def read() -> Iterator[ExpectedObject]:
        if replica.packets == 0:
            return expected_objects(work, key)
        undone = (
            packet
            for packet in packets.packets(ingest.id, replica.location)
            if packet.copied is None and packet.verified is None
        )
        return chain.from_iterable(packet_objects(work, replica, packet) for packet in undone)

    return read


def _sources(lists: Sequence[WantedList]) -> set[str]:
    own = {one.source for one in lists}
    named = {expected.source for one in lists if not one.source for expected in one.read()}
    return {source for source in own | named if source}


def _of_source(wanted: WantedList, source: str) -> Iterator[Keyed[ExpectedObject]]:
    if wanted.source not in {None, source}:
        return iter(())
    return (
        (one.key.encode(), one)
        for one in wanted.read()
        if not one.is_present and (wanted.source or one.source) == source
    )
