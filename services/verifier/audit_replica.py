"""Audits replicas: what they hold against what manifests say, and what nobody could compare."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from functools import partial

from course_backfill.audits import REFUSED, SURPLUS, UNREAD, AuditWish, finding_of, is_surplus
from course_backfill.claims import HeldClaim
from course_backfill.copies.expected_objects import ExpectedObject
from course_backfill.copies.placements import Placement, Placements
from course_backfill.copies.places import Place, Places
from course_backfill.copies.replica_planning import expected_objects, packet_objects
from course_backfill.courses import CourseId
from course_backfill.crc import Crc64
from course_backfill.errors import ObjectCold, StorageRefused
from course_backfill.failures import Failure
from course_backfill.ingests import Ingest, Packet, Replica
from course_backfill.inventory import Fault
from course_backfill.merging import first_by_key
from course_backfill.ports import ObjectStat, WorkStore
from course_backfill.stores.courses import CourseStore
from course_backfill.stores.ingests import IngestStore
from course_backfill.stores.packets import PacketStore
from services.verifier.fixity import Compared, FixityChecker, Wanted
from services.verifier.listing import listing_faults
from services.verifier.location_replica import copied_crc64


class AuditReplica:
    """Restores nothing: what is cold and has no checksum to compare is told as unread.

    A location that refuses is told as such, and keeps nothing from being told of the others.
    """

    def __init__(
        self,
        *,
        places: Places,
        work: WorkStore,
        placements: Placements,
        packets: PacketStore,
        ingests: IngestStore,
        courses: CourseStore,
        executor: Executor,
        crc64: Crc64,
    ) -> None:
        self._places = places
        self._work = work
        self._placements = placements
        self._packets = packets
        self._ingests = ingests
        self._courses = courses
        self._executor = executor
        self._crc64 = crc64

    def check_packet(
        self, ingest: Ingest, packet: Packet, claim: HeldClaim, result: str
    ) -> tuple[int, int]:
        """See ReplicaChecking; what is left unread is not known to be right.

        Raises ObjectCold where what was warmed is cold again.
        """
        replica = self._packets.replica(ingest.id, packet.replica)
        if replica.refusal is None:
            try:
                return self._compared(ingest, packet, replica, claim, result)
            except StorageRefused as refused:
                self._packets.refused(ingest.id, replica.location, str(refused))
        self._placements.write(result, [])
        return packet.objects, 0

    def _compared(
        self, ingest: Ingest, packet: Packet, replica: Replica, claim: HeldClaim, result: str
    ) -> tuple[int, int]:
        wish = ingest.audit or AuditWish()
        target = self._places.get(replica.location)
        others = self._others(ingest, replica.location)
        checker = FixityChecker(
            reader=target.reader, executor=self._executor, method=wish.method, check=claim.check
        )
        expected = list(packet_objects(self._work, replica, packet))
        compared = checker.compare(
            Wanted(
                target.location.prefix + one.key,
                one.size,
                one.sha256,
                crc64=partial(self._known_crc64, one, wish, target, others, claim.check),
            )
            for one in expected
        )
        told = [
            _placement(one, found)
            for one, found in zip(expected, compared, strict=True)
            if found.fault or found.is_unread
        ]
        unread = sum(one.is_unread for one in told)
        if unread and wish.warm:
            raise ObjectCold(f"{unread} object(s) in {replica.location} are cold again")
        self._placements.write(result, told)
        size = sum(one.size for one in expected) - sum(one.expected.size for one in told)
        return len(told), size

    def failures(self, ingest: Ingest, replica: Replica) -> Iterator[Failure]:
        """Everything to be told of a replica, by key: one finding for a key.

        Where its location refuses, that comes last.
        """
        refusal = replica.refusal
        try:
            yield from self._found(ingest, replica)
        except StorageRefused as refused:
            refusal = refusal or str(refused)
        if refusal:
            yield finding_of(
                None, Fault(REFUSED, f"could not be read: {refusal}"), replica.location
            )

    def _found(self, ingest: Ingest, replica: Replica) -> Iterator[Failure]:
        read = ((one.expected.key, one) for one in self._told(ingest, replica))
        return first_by_key(
            ((key.encode(), _finding(one, replica.location)) for key, one in read),
            ((key.encode(), one) for key, one in self._listed(ingest, replica)),
        )

    def _told(self, ingest: Ingest, replica: Replica) -> Iterator[Placement]:
        for packet in self._packets.packets(ingest.id, replica.location):
            if packet.verified:
                yield from self._placements.of_packet(packet.verified)

    def _listed(self, ingest: Ingest, replica: Replica) -> Iterator[tuple[str, Failure]]:
        """What the listing shows, besides what reading showed."""
        if replica.expected is None:
            return
        registered = frozenset(one.id for one in self._courses.versions(ingest.course))
        kept = self._kept_version(ingest.course)
        target = self._places.get(replica.location)
        expected = ((one.key, one.size) for one in expected_objects(self._work, replica.expected))
        listed = ((one.key, one.size) for one in target.list(CourseId.parse(ingest.course)))
        for key, fault in listing_faults(expected, listed):
            if fault.code != SURPLUS or is_surplus(
                key, audited=replica.versions, registered=registered, kept=kept
            ):
                yield key, finding_of(key, fault, replica.location)

    def _kept_version(self, course: str) -> str | None:
        kept = self._courses.get(course).kept_ingest
        found = self._ingests.find(kept) if kept else None
        return found.version if found else None

    def _others(self, ingest: Ingest, location: str) -> list[Place]:
        having = {one.location for one in self._courses.all_replicas(ingest.course)} - {location}
        return [self._places.get(one) for one in self._places.names if one in having]

    def _known_crc64(
        self,
        one: ExpectedObject,
        wish: AuditWish,
        target: Place,
        others: Sequence[Place],
        check: Callable[[], None],
    ) -> str | None:
        """The whole's CRC64NVME, proven by another copy's bytes.

        By stored checksums alone, two copies that have the same are taken to be right.
        """
        if wish.method == "checksums":
            here = target.reader.stat(target.location.prefix + one.key)
            stats = (_stat(place, one.key) for place in others)
            stored = {stat.crc64 for stat in stats if stat and stat.size == one.size}
            if here is not None and here.crc64 in stored - {None}:
                return here.crc64
        proven = (self._proven_crc64(one, place, check) for place in others)
        return next((crc for crc in proven if crc is not None), None)

    def _proven_crc64(
        self, one: ExpectedObject, place: Place, check: Callable[[], None]
    ) -> str | None:
        try:
            return copied_crc64(one, place, crc64=self._crc64, check=check)
        except StorageRefused:
            return None


def _stat(place: Place, key: str) -> ObjectStat | None:
    """None also where the location refuses, which is told where its own copies are looked at."""
    try:
        return place.reader.stat(place.location.prefix + key)
    except StorageRefused:
        return None


def _placement(one: ExpectedObject, found: Compared) -> Placement:
    return Placement(
        one,
        fault=found.fault,
        etag=found.etag,
        sha256=found.sha256,
        is_unread=found.is_unread,
    )


def _finding(one: Placement, location: str) -> Failure:
    key = one.expected.key
    detail = f"{key!r} is cold, and no stored checksum of it could be compared"
    fault = one.fault or Fault(UNREAD, detail)
    return finding_of(key, fault, location, etag=one.etag, sha256=one.sha256)
