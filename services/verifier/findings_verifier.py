"""Verifies audits and repairs: what they find ends in findings, and never the ingest early."""

from __future__ import annotations

from collections.abc import Iterator

from course_backfill.audits import FindingsTally
from course_backfill.cold_reads import ColdReads
from course_backfill.errors import ObjectCold
from course_backfill.failures import Failure
from course_backfill.flow import Flow
from course_backfill.ingest_states import advanced
from course_backfill.ingest_step import StepCompleted, StepResult, StepSucceeded
from course_backfill.ingest_store import IngestStore
from course_backfill.ingests import Ingest, Replica, Stage
from course_backfill.messages import Step, StepMessage
from course_backfill.packet_store import PacketStore
from course_backfill.ports import Write
from course_backfill.results import Results
from services.verifier.verifier import ReplicaChecking, Verifier


class FindingsVerifier:
    """Reads packets as every verifier does, then lists and counts all findings for the register."""

    def __init__(
        self,
        *,
        verifier: Verifier,
        checking: ReplicaChecking,
        results: Results,
        ingests: IngestStore,
        packets: PacketStore,
        flow: Flow,
        cold_reads: ColdReads,
    ) -> None:
        self._verifier = verifier
        self._checking = checking
        self._results = results
        self._ingests = ingests
        self._packets = packets
        self._flow = flow
        self._cold_reads = cold_reads

    def verify(self, ingest: Ingest, message: StepMessage) -> StepResult:
        """Reads the message's packet; where it names none, lists what all replicas' came to."""
        if message.packet is None:
            return self._conclude(ingest, message)
        try:
            return self._verifier.verify(ingest, message)
        except ObjectCold as cold:
            return self._cold_reads.wait(ingest, cold)

    def _conclude(self, ingest: Ingest, message: StepMessage) -> StepResult:
        replicas = [self._packets.replica(ingest.id, one) for one in ingest.leg_replicas]
        if any(one.packets_verified < one.packets for one in replicas):
            return StepCompleted()
        tallies = {one.location: FindingsTally() for one in replicas}
        listed = self._results.write_failures(ingest, self._findings(ingest, replicas, tallies))

        def registering(now: Ingest) -> Ingest:
            moved = advanced(now, message, Stage.REGISTERING)
            return moved.model_copy(update={"failure_count": listed})

        def told(before: Ingest, after: Ingest) -> list[Write]:
            return [self._packets.told(ingest.id, one, tally) for one, tally in tallies.items()]

        objects = sum(one.objects_looked_at for one in replicas)
        size = sum(one.bytes_looked_at for one in replicas)
        found = "; ".join(f"{location}: {tally}" for location, tally in tallies.items())
        event = self._ingests.event(
            Step.VERIFY, "succeeded", f"Looked at {objects} objects, {size} bytes. {found}"
        )
        moved = self._ingests.update(ingest.id, registering, event=event, extra=told)
        return StepSucceeded(self._flow.messages(moved))

    def _findings(
        self, ingest: Ingest, replicas: list[Replica], tallies: dict[str, FindingsTally]
    ) -> Iterator[Failure]:
        for one in replicas:
            yield from tallies[one.location].counting(self._checking.failures(ingest, one))


class AnyVerifier:
    """Gives each ingest to the verifier of its kind."""

    def __init__(
        self, *, copies: Verifier, audits: FindingsVerifier, repairs: FindingsVerifier
    ) -> None:
        self._copies = copies
        self._audits = audits
        self._repairs = repairs

    def verify(self, ingest: Ingest, message: StepMessage) -> StepResult:
        """See Verifier."""
        if ingest.repairs is not None:
            return self._repairs.verify(ingest, message)
        if ingest.ends_with_findings:
            return self._audits.verify(ingest, message)
        return self._copies.verify(ingest, message)
