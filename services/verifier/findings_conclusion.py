"""Concludes audits and repairs: what they find ends in findings, and never the ingest early."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from course_backfill.audits import FindingsTally
from course_backfill.failures import Failure
from course_backfill.flow import Flow
from course_backfill.ingest_states import advanced
from course_backfill.ingest_step import StepResult, StepSucceeded
from course_backfill.ingests import Ingest, Replica, Stage
from course_backfill.messages import Step, StepMessage
from course_backfill.ports import Write
from course_backfill.results import Results
from course_backfill.stores.ingests import IngestStore
from course_backfill.stores.packets import PacketStore
from course_backfill.tasks import Task
from services.verifier.verifier import ReplicaChecking


class FindingsConclusion:
    """Lists and counts all findings, for the register."""

    def __init__(
        self,
        *,
        checking: Mapping[Task, ReplicaChecking],
        results: Results,
        ingests: IngestStore,
        packets: PacketStore,
        flow: Flow,
    ) -> None:
        self._checking = checking
        self._results = results
        self._ingests = ingests
        self._packets = packets
        self._flow = flow

    def conclude(self, ingest: Ingest, message: StepMessage, replicas: list[Replica]) -> StepResult:
        """See Conclusion."""
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
        checking = self._checking[ingest.task]
        for one in replicas:
            yield from tallies[one.location].counting(checking.failures(ingest, one))
