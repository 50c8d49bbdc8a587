"""Checks replicas after the second leg: what they hold against what their manifests expect."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from functools import partial

from course_backfill.audits import SURPLUS
from course_backfill.claims import HeldClaim
from course_backfill.courses import CourseId
from course_backfill.expected_objects import ExpectedObject
from course_backfill.failures import Failure
from course_backfill.ingests import Ingest, Packet, Replica, SourceCheck, Stage
from course_backfill.inventory import Fault
from course_backfill.packet_store import PacketStore
from course_backfill.placements import Placement, Placements
from course_backfill.places import Place, Places
from course_backfill.ports import WorkStore
from course_backfill.replica_planning import expected_objects
from services.verifier.fixity import Finding, FixityChecker, Method, Wanted
from services.verifier.listing import listing_faults


class LocationReplica:
    """Reads every copy back, also those that were there already; cold ones by stored checksums."""

    def __init__(
        self,
        *,
        places: Places,
        work: WorkStore,
        placements: Placements,
        executor: Executor,
        method: Method,
        packets: PacketStore,
    ) -> None:
        self._places = places
        self._work = work
        self._placements = placements
        self._executor = executor
        self._method = method
        self._packets = packets

    def check_packet(
        self, ingest: Ingest, packet: Packet, claim: HeldClaim, result: str
    ) -> tuple[int, int]:
        """See ReplicaChecking."""
        replica = self._packets.replica(ingest.id, packet.replica)
        source = self._places.get(replica.source or "")
        target = self._places.get(replica.location)
        checker = FixityChecker(
            reader=target.reader,
            executor=self._executor,
            method="checksums" if target.location.is_archive else self._method,
            check=claim.check,
        )
        placed = self._placements.of_packet(packet.copied) if packet.copied else iter(())
        expected = [one.expected for one in placed]
        findings = checker.findings(wanted_copy(one, source, target) for one in expected)
        bad = [
            Placement(one, fault=fault, etag=finding.etag, sha256=finding.sha256)
            for one, finding in zip(expected, findings, strict=True)
            if (fault := copy_fault(one, finding))
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
            is_elsewhere = key.split("/", 3)[2] not in replica.versions
            if not (fault.code == SURPLUS and is_elsewhere):
                yield Failure.of_copy(key, fault, replica.location, stage=Stage.VERIFYING)

    def source_check(self, ingest: Ingest) -> SourceCheck | None:
        """See ReplicaChecking: nobody looks at the source here."""
        return ingest.source_check


def wanted_copy(one: ExpectedObject, source: Place, target: Place) -> Wanted:
    """What S3 stores of the copy must be what it stored of the verified one it was made of."""
    return Wanted(
        target.location.prefix + one.key,
        one.size,
        one.sha256,
        crc64=partial(_stored_crc64, source, one),
    )


def copy_fault(one: ExpectedObject, finding: Finding) -> Fault | None:
    """What is wrong with a copy just made, of which something has to be known."""
    if finding.is_unread:
        return Fault("unverifiable-copy", f"{one.key!r} is cold, and S3 tells no checksum of it")
    return finding.fault


def _stored_crc64(source: Place, one: ExpectedObject) -> str | None:
    stat = source.reader.stat(source.location.prefix + one.key)
    return stat.crc64 if stat is not None and stat.size == one.size else None
