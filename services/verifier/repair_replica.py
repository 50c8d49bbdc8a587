"""Reads what was repaired back."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor

from course_backfill.audits import REPAIR_REFUSED, Method
from course_backfill.claims import HeldClaim
from course_backfill.copies.placements import Placement, Placements
from course_backfill.copies.places import Places
from course_backfill.crc import Crc64
from course_backfill.errors import StorageRefused
from course_backfill.failures import Failure
from course_backfill.ingests import Ingest, Packet, Replica, Stage
from course_backfill.inventory import Fault
from course_backfill.stores.packets import PacketStore
from services.verifier.fixity import FixityChecker
from services.verifier.location_replica import copy_fault, wanted_copy


class RepairReplica:
    """Tells what could not be mended, and what was and does not read back as it should.

    A location that may not be read keeps nothing from the others: its packet is told as refused.
    """

    def __init__(
        self,
        *,
        places: Places,
        placements: Placements,
        packets: PacketStore,
        executor: Executor,
        method: Method,
        crc64: Crc64,
    ) -> None:
        self._places = places
        self._placements = placements
        self._packets = packets
        self._executor = executor
        self._method = method
        self._crc64 = crc64

    def check_packet(
        self, ingest: Ingest, packet: Packet, claim: HeldClaim, result: str
    ) -> tuple[int, int]:
        """See ReplicaChecking."""
        target = self._places.get(packet.replica)
        placed = list(self._placements.of_packet(packet.copied)) if packet.copied else []
        checker = FixityChecker(
            reader=target.reader,
            executor=self._executor,
            method="checksums" if target.location.is_archive else self._method,
            check=claim.check,
        )
        mended = [one.expected for one in placed if one.fault is None]
        wanted = (
            wanted_copy(
                one,
                self._places.source(one.source),
                target,
                crc64=self._crc64,
                check=claim.check,
            )
            for one in mended
        )
        try:
            faults = [
                copy_fault(one, found)
                for one, found in zip(mended, checker.compare(wanted), strict=True)
            ]
        except StorageRefused as refused:
            faults = [Fault(REPAIR_REFUSED, str(refused))] * len(mended)
        bad = {
            one.key: Placement(one, fault=fault)
            for one, fault in zip(mended, faults, strict=True)
            if fault
        }
        left = [bad.get(one.expected.key, one) for one in placed]
        left = [one for one in left if one.fault]
        self._placements.write(result, left)
        right = sum(one.size for one in mended) - sum(one.expected.size for one in bad.values())
        return len(left), right

    def failures(self, ingest: Ingest, replica: Replica) -> Iterator[Failure]:
        """See ReplicaChecking."""
        return self._placements.faults(ingest.id, replica.location, stage=Stage.VERIFYING)
