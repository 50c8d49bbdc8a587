"""Copies one packet to one location, and sends the ingest on when all of the leg's are done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Protocol

from course_backfill.claims import HeldClaim
from course_backfill.cold.reads import ColdReads
from course_backfill.copies.placements import Placements
from course_backfill.errors import Fenced, ObjectCold
from course_backfill.failures import Failure
from course_backfill.flow import Flow
from course_backfill.ingest_states import advanced
from course_backfill.ingest_step import (
    StepCompleted,
    StepFailed,
    StepResult,
    StepSucceeded,
)
from course_backfill.ingests import PRIMARY, Ingest, Leg, Packet, Replica, ReplicaStatus, Stage
from course_backfill.locations import result_key
from course_backfill.messages import Step, StepMessage
from course_backfill.ports import Write
from course_backfill.results import DESTINATION_FAULTS, Results
from course_backfill.stores.ingests import IngestStore
from course_backfill.stores.packet_counters import PacketEnd
from course_backfill.stores.packets import PacketStore
from course_backfill.tasks import Task


class PacketCopying(Protocol):
    """Copies the packets of one task."""

    def copy(self, ingest: Ingest, packet: Packet, claim: HeldClaim, result: str) -> PacketEnd:
        """Copies the packet, and writes what became of each object to the file `result`."""
        ...


class Replicator:
    """Idempotent per packet: whatever an earlier delivery did is found and not done again."""

    def __init__(
        self,
        *,
        copying: Mapping[Task, PacketCopying],
        results: Results,
        placements: Placements,
        ingests: IngestStore,
        packets: PacketStore,
        flow: Flow,
        new_id: Callable[[], str],
        renew_every: float,
        cold_reads: ColdReads,
    ) -> None:
        self._copying = copying
        self._results = results
        self._placements = placements
        self._ingests = ingests
        self._packets = packets
        self._flow = flow
        self._new_id = new_id
        self._renew_every = renew_every
        self._cold_reads = cold_reads

    def replicate(self, ingest: Ingest, message: StepMessage) -> StepResult:
        """Copies the message's packet unless that is done or being done, then decides."""
        replica, number = message.replica, message.packet
        if replica is None:
            raise Fenced(f"a message of ingest {ingest.id} names no replica")
        if number is not None and self._packets.get(ingest.id, replica, number).copied is None:
            packet = self._packets.claim(ingest, replica, number, claimant=self._new_id())
            if packet is not None:
                try:
                    self._copy(ingest, packet)
                except ObjectCold as cold:
                    return self._cold_reads.wait(ingest, cold)
        return self._decide(ingest, message)

    def _copy(self, ingest: Ingest, packet: Packet) -> None:
        attempt = packet.claimant or ""
        result = result_key(ingest.id, packet.replica, packet.number, attempt, "copied")
        with HeldClaim(self._packets, ingest, packet, every=self._renew_every) as claim:
            end = self._copying[ingest.task].copy(ingest, packet, claim, result)
            if not self._packets.copied(ingest, packet, end):
                raise Fenced(f"packet {packet.number} of ingest {ingest.id} was taken over")

    def _decide(self, ingest: Ingest, message: StepMessage) -> StepResult:
        """Whether the ingest fails is decided once: when all packets of the leg are done."""
        replicas = [self._packets.replica(ingest.id, one) for one in ingest.leg_replicas]
        if not all(replica.is_copied for replica in replicas):
            return StepCompleted()
        if any(replica.bad for replica in replicas):
            failed = self._failed(ingest)
            if failed:
                return failed
        return self._verify(ingest, message, replicas)

    def _verify(
        self, ingest: Ingest, message: StepMessage, replicas: list[Replica]
    ) -> StepSucceeded:
        def copied(now: Ingest) -> Ingest:
            moved = advanced(now, message, Stage.VERIFYING)
            bad = sum(replica.bad for replica in replicas)
            return moved.model_copy(update={"failure_count": now.failure_count or bad})

        def verifying(before: Ingest, after: Ingest) -> list[Write]:
            return [
                self._packets.status_write(ingest.id, one.location, ReplicaStatus.VERIFYING)
                for one in replicas
            ]

        objects = sum(replica.objects_done for replica in replicas)
        size = sum(replica.bytes_done for replica in replicas)
        event = self._ingests.event(
            Step.REPLICATE,
            "succeeded",
            f"Copied {objects} objects, {size} bytes",
            replica=replicas[0].location if len(replicas) == 1 else None,
        )
        moved = self._ingests.update(ingest.id, copied, event=event, extra=verifying)
        return StepSucceeded(self._flow.messages(moved))

    def _failed(self, ingest: Ingest) -> StepFailed | None:
        """The failure that bad objects make, unless the request has them recorded."""
        listed = self._results.write_failures(ingest, self._failures(ingest))
        fatal = (
            one
            for one in self._failures(ingest)
            if ingest.corrupt_objects == "fail" or one.replica or one.code in DESTINATION_FAULTS
        )
        first = next(fatal, None)
        if first is None:
            return None
        where = f" (for {first.replica})" if first.replica else ""
        detail = f"{listed} object(s) could not be copied, the first is {first.path!r}{where}: "
        whole = Failure.of_ingest(first.code, detail + first.detail, stage=Stage.REPLICATING)
        return StepFailed(whole, objects=listed)

    def _failures(self, ingest: Ingest) -> Iterator[Failure]:
        """The source's bad objects first, where they were recorded in the first leg."""
        return chain(
            self._results.copying_failures(ingest, PRIMARY) if ingest.version else (),
            *(
                self._placements.faults(ingest.id, replica, stage=Stage.REPLICATING)
                for replica in (ingest.leg_replicas if ingest.leg is Leg.LOCATIONS else ())
            ),
        )
