"""Verifies what an ingest has in locations: each packet by fresh reads, then all as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from course_backfill.claims import HeldClaim
from course_backfill.cold.reads import ColdReads
from course_backfill.errors import Fenced, ObjectCold
from course_backfill.failures import Failure
from course_backfill.ingest_step import StepCompleted, StepResult, StepSucceeded
from course_backfill.ingests import Ingest, Packet, Replica
from course_backfill.locations import result_key
from course_backfill.messages import StepMessage
from course_backfill.stores.packets import PacketStore
from course_backfill.tasks import Task


class ReplicaChecking(Protocol):
    """Looks at the replicas of one task."""

    def check_packet(
        self, ingest: Ingest, packet: Packet, claim: HeldClaim, result: str
    ) -> tuple[int, int]:
        """Reads a packet's copies back and writes what differs to the file `result`.

        Returns how many are not known to be right, and the bytes of all that are.
        """
        ...

    def failures(self, ingest: Ingest, replica: Replica) -> Iterator[Failure]:
        """Everything that differs in a replica, in its packets and in its listing."""
        ...


class Conclusion(Protocol):
    """Says what became of all replicas."""

    def conclude(self, ingest: Ingest, message: StepMessage, replicas: list[Replica]) -> StepResult:
        """Sends the ingest on, or fails it; every packet of the replicas has been read."""
        ...


class Verifier:
    """Reads each packet once, and concludes when the last one is read."""

    def __init__(
        self,
        *,
        checking: Mapping[Task, ReplicaChecking],
        conclusions: Mapping[Task, Conclusion],
        packets: PacketStore,
        new_id: Callable[[], str],
        renew_every: float,
        cold_reads: ColdReads,
    ) -> None:
        self._checking = checking
        self._conclusions = conclusions
        self._packets = packets
        self._new_id = new_id
        self._renew_every = renew_every
        self._cold_reads = cold_reads

    def verify(self, ingest: Ingest, message: StepMessage) -> StepResult:
        """Reads the message's packet; where it names none, all replicas as wholes."""
        if message.replica is None:
            raise Fenced(f"a message of ingest {ingest.id} names no replica")
        if message.packet is not None:
            try:
                self._read(ingest, message.replica, message.packet)
            except ObjectCold as cold:
                return self._cold_reads.wait(ingest, cold)
        replicas = [self._packets.replica(ingest.id, one) for one in ingest.leg_replicas]
        if not all(one.is_verified for one in replicas):
            return StepCompleted()
        if message.packet is not None:
            return StepSucceeded([message.model_copy(update={"packet": None})])
        return self._conclusions[ingest.task].conclude(ingest, message, replicas)

    def _read(self, ingest: Ingest, replica: str, number: int) -> None:
        """Nothing where it was read or is being read."""
        if self._packets.get(ingest.id, replica, number).verified is not None:
            return
        packet = self._packets.claim(ingest, replica, number, claimant=self._new_id())
        if packet is None:
            return
        attempt = packet.claimant or ""
        result = result_key(ingest.id, packet.replica, packet.number, attempt, "verified")
        with HeldClaim(self._packets, ingest, packet, every=self._renew_every) as claim:
            checking = self._checking[ingest.task]
            mismatched, size = checking.check_packet(ingest, packet, claim, result)
            claim.check()
            if not self._packets.verified_packet(
                ingest, packet, result=result, mismatched=mismatched, size=size
            ):
                raise Fenced(f"packet {packet.number} of ingest {ingest.id} was taken over")
