"""Verifies the replicas of a leg: each packet by fresh reads, then every replica as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Protocol

from course_backfill.claims import HeldClaim
from course_backfill.errors import Fenced
from course_backfill.failures import Failure
from course_backfill.flow import Flow
from course_backfill.ingest_states import advanced
from course_backfill.ingest_step import StepCompleted, StepFailed, StepResult, StepSucceeded
from course_backfill.ingest_store import IngestStore
from course_backfill.ingests import (
    PRIMARY,
    Ingest,
    Leg,
    Packet,
    Replica,
    ReplicaStatus,
    SourceCheck,
    Stage,
)
from course_backfill.locations import result_key
from course_backfill.messages import Step, StepMessage
from course_backfill.packet_store import PacketStore
from course_backfill.ports import Write
from course_backfill.results import Results


class ReplicaChecking(Protocol):
    """Looks at the replicas of one leg."""

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

    def source_check(self, ingest: Ingest) -> SourceCheck | None:
        """How the source stands by now to what was copied."""
        ...


class Verifier:
    """Reads everything back; what it finds to differ fails the ingest, whatever was asked for."""

    def __init__(
        self,
        *,
        checking: dict[Leg, ReplicaChecking],
        results: Results,
        ingests: IngestStore,
        packets: PacketStore,
        flow: Flow,
        new_id: Callable[[], str],
        renew_every: float,
    ) -> None:
        self._checking = checking
        self._results = results
        self._ingests = ingests
        self._packets = packets
        self._flow = flow
        self._new_id = new_id
        self._renew_every = renew_every

    def verify(self, ingest: Ingest, message: StepMessage) -> StepResult:
        """Verifies the message's packet, or all replicas as wholes where it names none."""
        replica, number = message.replica, message.packet
        if replica is None:
            raise Fenced(f"a message of ingest {ingest.id} names no replica")
        if number is None:
            return self._verify_leg(ingest, message)
        if self._packets.get(ingest.id, replica, number).verified is None:
            packet = self._packets.claim(ingest, replica, number, claimant=self._new_id())
            if packet is not None:
                self._verify_packet(ingest, packet)
        if not _all_verified(self._replicas(ingest)):
            return StepCompleted()
        return StepSucceeded([message.model_copy(update={"packet": None})])

    def _verify_packet(self, ingest: Ingest, packet: Packet) -> None:
        attempt = packet.claimant or ""
        result = result_key(ingest.id, packet.replica, packet.number, attempt, "verified")
        with HeldClaim(self._packets, ingest, packet, every=self._renew_every) as claim:
            checking = self._checking[ingest.leg]
            mismatched, size = checking.check_packet(ingest, packet, claim, result)
            claim.check()
            if not self._packets.verified_packet(
                ingest, packet, result=result, mismatched=mismatched, size=size
            ):
                raise Fenced(f"packet {packet.number} of ingest {ingest.id} was taken over")

    def _verify_leg(self, ingest: Ingest, message: StepMessage) -> StepResult:
        replicas = self._replicas(ingest)
        if not _all_verified(replicas):
            return StepCompleted()
        checking = self._checking[ingest.leg]
        failures = chain.from_iterable(checking.failures(ingest, one) for one in replicas)
        first = next(failures, None)
        if first is not None:
            return self._failed(ingest, first, failures)
        check = checking.source_check(ingest)

        def aggregating(now: Ingest) -> Ingest:
            moved = advanced(now, message, Stage.AGGREGATING)
            return moved.model_copy(update={"source_check": check})

        def verified(before: Ingest, after: Ingest) -> list[Write]:
            return [
                self._packets.status_write(ingest.id, one.location, ReplicaStatus.VERIFIED)
                for one in replicas
            ]

        objects = sum(one.objects_verified for one in replicas)
        size = sum(one.bytes_verified for one in replicas)
        description = f"Verified {objects} objects, {size} bytes"
        if ingest.leg is Leg.SOURCE:
            description += _freshness(check)
        event = self._ingests.event(
            Step.VERIFY,
            "succeeded",
            description,
            replica=replicas[0].location if len(replicas) == 1 else None,
        )
        moved = self._ingests.update(ingest.id, aggregating, event=event, extra=verified)
        return StepSucceeded(self._flow.messages(moved))

    def _replicas(self, ingest: Ingest) -> list[Replica]:
        return [self._packets.replica(ingest.id, one) for one in ingest.leg_replicas]

    def _failed(self, ingest: Ingest, first: Failure, others: Iterator[Failure]) -> StepFailed:
        """Lists what differs after the bad objects that copying found and was to record."""
        recorded = self._results.copying_failures(ingest, PRIMARY) if ingest.version else iter(())
        known = ingest.failure_count
        listed = self._results.write_failures(ingest, chain(recorded, [first], others))
        detail = (
            f"{listed - known} finding(s) where copies are not what was sent, "
            f"the first at {first.path!r}{_where(first)}: {first.detail}"
        )
        whole = Failure.of_ingest(first.code, detail, stage=Stage.VERIFYING)
        return StepFailed(whole, objects=listed)


def _where(failure: Failure) -> str:
    return f" in {failure.replica}" if failure.replica else ""


def _all_verified(replicas: list[Replica]) -> bool:
    return all(one.packets_verified >= one.packets for one in replicas)


def _freshness(check: SourceCheck | None) -> str:
    if check is None or not check.stale:
        return "; the source is unchanged"
    return (
        f"; the source changed meanwhile: {check.added} added, "
        f"{check.changed} changed, {check.removed} removed"
    )
