"""Checks replicas after the second leg: what they hold against what their manifests expect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from functools import partial

from course_backfill.audits import SURPLUS, Method
from course_backfill.claims import HeldClaim
from course_backfill.copies.expected_objects import ExpectedObject
from course_backfill.copies.object_keys import version_of
from course_backfill.copies.placements import Placement, Placements
from course_backfill.copies.places import Place, Places
from course_backfill.copies.proven_checksums import proven_crc64
from course_backfill.copies.replica_planning import expected_objects
from course_backfill.courses import CourseId
from course_backfill.crc import Crc64
from course_backfill.errors import NotFound, ObjectCold
from course_backfill.failures import Failure
from course_backfill.ingests import Ingest, Packet, Replica, Stage
from course_backfill.inventory import Fault
from course_backfill.ports import WorkStore
from course_backfill.stores.packets import PacketStore
from services.verifier.fixity import Compared, FixityChecker, Wanted
from services.verifier.listing import listing_faults


class LocationReplica:
    """Reads every copy back, also those that were there already.

    Of a cold copy S3's checksum must be that of bytes that are the entry's: where S3 stores no
    sha256, the one it was made of is read and hashed.
    """

    def __init__(
        self,
        *,
        places: Places,
        work: WorkStore,
        placements: Placements,
        executor: Executor,
        method: Method,
        packets: PacketStore,
        crc64: Crc64,
    ) -> None:
        self._places = places
        self._work = work
        self._placements = placements
        self._executor = executor
        self._method = method
        self._packets = packets
        self._crc64 = crc64

    def check_packet(
        self, ingest: Ingest, packet: Packet, claim: HeldClaim, result: str
    ) -> tuple[int, int]:
        """See ReplicaChecking."""
        replica = self._packets.replica(ingest.id, packet.replica)
        source = self._places.source(replica.source)
        target = self._places.get(replica.location)
        checker = FixityChecker(
            reader=target.reader,
            executor=self._executor,
            method="checksums" if target.location.is_archive else self._method,
            check=claim.check,
        )
        placed = self._placements.of_packet(packet.copied) if packet.copied else iter(())
        expected = [one.expected for one in placed]
        compared = checker.compare(
            wanted_copy(one, source, target, crc64=self._crc64, check=claim.check)
            for one in expected
        )
        bad = [
            Placement(one, fault=fault, etag=found.etag, sha256=found.sha256)
            for one, found in zip(expected, compared, strict=True)
            if (fault := _of_brought(ingest, replica, one.key, copy_fault(one, found)))
        ]
        self._placements.write(result, bad)
        right = sum(one.size for one in expected) - sum(one.expected.size for one in bad)
        return len(bad), right

    def failures(self, ingest: Ingest, replica: Replica) -> Iterator[Failure]:
        """See ReplicaChecking; surplus counts below the prefixes of the versions brought."""
        yield from self._placements.faults(ingest.id, replica.location, stage=Stage.VERIFYING)
        if replica.expected is None:
            return
        target = self._places.get(replica.location)
        expected = ((one.key, one.size) for one in expected_objects(self._work, replica.expected))
        listed = ((one.key, one.size) for one in target.list(CourseId.parse(ingest.course)))
        for key, fault in listing_faults(expected, listed):
            if fault.code != SURPLUS or version_of(key) in replica.versions:
                told = _of_brought(ingest, replica, key, fault) or fault
                yield Failure.of_copy(key, told, replica.location, stage=Stage.VERIFYING)


def wanted_copy(
    one: ExpectedObject,
    source: Place,
    target: Place,
    *,
    crc64: Crc64,
    check: Callable[[], None],
) -> Wanted:
    """A copy that can be proven by the bytes of the one it was made of."""
    return Wanted(
        target.location.prefix + one.key,
        one.size,
        one.sha256,
        crc64=partial(copied_crc64, one, source, crc64=crc64, check=check),
    )


def copy_fault(one: ExpectedObject, found: Compared) -> Fault | None:
    """What is wrong with a copy just made, of which something has to be known."""
    if found.is_unread:
        detail = f"{one.key!r} is cold, and no bytes prove the checksum that S3 stores of it"
        return Fault("unverifiable-copy", detail)
    return found.fault


def copied_crc64(
    one: ExpectedObject, place: Place, *, crc64: Crc64, check: Callable[[], None]
) -> str | None:
    """See `proven_crc64`; None also where the place cannot tell, because it has nothing to read."""
    try:
        return proven_crc64(place, one, crc64=crc64, check=check)
    except (NotFound, ObjectCold):
        return None


def _of_brought(ingest: Ingest, replica: Replica, key: str, fault: Fault | None) -> Fault | None:
    """The fault; a mismatch that stays where it is, in a version not registered there, is told so.

    What is wrong in the ingest's own version is rolled back with it.
    """
    version = version_of(key)
    is_left = version in replica.versions and version != ingest.version
    if fault is None or fault.code != "fixity-mismatch" or not is_left:
        return fault
    return Fault("wrong-copy", f"{fault.detail}; {version} is not registered in {replica.location}")
