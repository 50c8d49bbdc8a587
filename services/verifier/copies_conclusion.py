"""Concludes the verifying of copies: one that differs fails the ingest, whatever was asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain

from course_backfill.failures import Failure
from course_backfill.flow import Flow
from course_backfill.ingest_states import advanced
from course_backfill.ingest_step import StepFailed, StepResult, StepSucceeded
from course_backfill.ingests import PRIMARY, Ingest, Replica, ReplicaStatus, SourceCheck, Stage
from course_backfill.messages import Step, StepMessage
from course_backfill.ports import Write
from course_backfill.results import Results
from course_backfill.stores.ingests import IngestStore
from course_backfill.stores.packets import PacketStore
from course_backfill.tasks import Task
from services.verifier.verifier import ReplicaChecking


class CopiesConclusion:
    """Sends an ingest on whose copies are all right; of the source it says how it stands by now."""

    def __init__(
        self,
        *,
        checking: Mapping[Task, ReplicaChecking],
        source_check: Callable[[Ingest], SourceCheck],
        results: Results,
        ingests: IngestStore,
        packets: PacketStore,
        flow: Flow,
    ) -> None:
        self._checking = checking
        self._source_check = source_check
        self._results = results
        self._ingests = ingests
        self._packets = packets
        self._flow = flow

    def conclude(self, ingest: Ingest, message: StepMessage, replicas: list[Replica]) -> StepResult:
        """See Conclusion."""
        checking = self._checking[ingest.task]
        failures = chain.from_iterable(checking.failures(ingest, one) for one in replicas)
        first = next(failures, None)
        if first is not None:
            return self._failed(ingest, first, failures)
        is_of_source = ingest.task is Task.FILL
        check = self._source_check(ingest) if is_of_source else ingest.source_check

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
        event = self._ingests.event(
            Step.VERIFY,
            "succeeded",
            f"Verified {objects} objects, {size} bytes"
            + (_freshness(check) if is_of_source else ""),
            replica=replicas[0].location if len(replicas) == 1 else None,
        )
        moved = self._ingests.update(ingest.id, aggregating, event=event, extra=verified)
        return StepSucceeded(self._flow.messages(moved))

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


def _freshness(check: SourceCheck | None) -> str:
    if check is None or not check.stale:
        return "; the source is unchanged"
    return (
        f"; the source changed meanwhile: {check.added} added, "
        f"{check.changed} changed, {check.removed} removed"
    )
