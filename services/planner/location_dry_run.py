"""A dry run between locations: the same lists as a real ingest, and a report instead of copies."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence

from course_backfill.cold.costs import RestoreCosts
from course_backfill.cold.warming import TierEstimate
from course_backfill.copies.expected_objects import ExpectedObject
from course_backfill.copies.replica_planning import ExpectedScan
from course_backfill.copies.wanted_objects import WantedList
from course_backfill.estimation.estimates import Estimate
from course_backfill.estimation.estimator import Estimator, with_restores
from course_backfill.estimation.workloads import WorkloadCount
from course_backfill.failures import Failure
from course_backfill.ingest_states import require_current
from course_backfill.ingest_step import StepCompleted, StepFailed
from course_backfill.ingests import Ingest, IngestStatus
from course_backfill.lifecycle import Lifecycle
from course_backfill.messages import StepMessage
from course_backfill.plan_reports import LARGEST, LargestObject, PlanReport
from course_backfill.results import Results
from course_backfill.stores.courses import CourseStore
from course_backfill.tasks import Task


class LocationDryRun:
    """Ends an ingest with a report; copies and restores nothing."""

    def __init__(
        self,
        *,
        courses: CourseStore,
        costs: RestoreCosts,
        results: Results,
        lifecycle: Lifecycle,
        estimator: Estimator,
    ) -> None:
        self._courses = courses
        self._costs = costs
        self._results = results
        self._lifecycle = lifecycle
        self._estimator = estimator

    def end(
        self, ingest: Ingest, message: StepMessage, lists: Sequence[WantedList]
    ) -> StepCompleted:
        """Reports what is on the lists, from where it would be read and what that would cost."""
        scan = ExpectedScan()
        brought = {one: WorkloadCount() for one in ingest.locations if ingest.lists.get(one)}
        missing = scan.missing(_counted(lists, list(brought.values())))
        largest = heapq.nlargest(LARGEST, missing, key=lambda one: (one.size, one.key))
        objects = scan.objects - scan.present
        tally = self._costs.tally(ingest, lists)
        tiers = self._costs.by_tier(ingest, tally)
        refused = self._costs.refusal(ingest, tally)
        report = PlanReport(
            objects=objects,
            bytes=scan.to_copy,
            by_kind={},
            largest=tuple(LargestObject(path=one.key, size=one.size) for one in largest),
            shared_with=(),
            problems={refused.failure.code: 1} if refused else {},
            bytes_were_read=False,
            would_fail=refused is not None,
            unchanged=objects == 0,
            to_repair=self._to_repair(ingest),
            present=scan.present,
            by_storage_class=dict(sorted(tally.by_class.items())),
            restore_requests=tiers[0].requests,
            tier=ingest.restore.tier,
            tiers=tiers,
            currency=self._costs.currency,
            estimate=None if refused else self._estimate(ingest, brought, tiers),
        )
        return self._end(ingest, message, report, [refused.failure] if refused else [])

    def _estimate(
        self,
        ingest: Ingest,
        brought: Mapping[str, WorkloadCount],
        tiers: Sequence[TierEstimate],
    ) -> Estimate | None:
        """Of what is copied, and restored for it; a warming copies nothing."""
        if ingest.task is Task.WARM:
            return None
        work = {location: one.workload() for location, one in brought.items()}
        chosen = next(one for one in tiers if one.tier is ingest.restore.tier)
        estimate = self._estimator.copies(ingest.source, work)
        return with_restores(estimate, ingest.source, chosen)

    def end_failed(self, ingest: Ingest, message: StepMessage, failed: StepFailed) -> StepCompleted:
        """Reports what would fail the ingest; objects that were listed as its failures stay so."""
        report = PlanReport(
            objects=0,
            bytes=0,
            by_kind={},
            largest=(),
            shared_with=(),
            problems={failed.failure.code: max(failed.objects, 1)},
            bytes_were_read=False,
            would_fail=True,
            unchanged=False,
            to_repair=self._to_repair(ingest),
        )
        listed = list(self._results.failures(ingest.id)) if failed.objects else [failed.failure]
        return self._end(ingest, message, report, listed)

    def _to_repair(self, ingest: Ingest) -> int:
        """Warming mends nothing."""
        if ingest.task is Task.WARM:
            return 0
        return self._courses.get(ingest.course).to_repair

    def _end(
        self, ingest: Ingest, message: StepMessage, report: PlanReport, listed: list[Failure]
    ) -> StepCompleted:
        count = self._results.write_failures(ingest, iter(listed))

        def reported(now: Ingest) -> Ingest:
            require_current(now, message)
            return now.model_copy(update={"report": report, "failure_count": count})

        self._lifecycle.end(
            ingest,
            IngestStatus.SUCCEEDED,
            description=_description(ingest, report),
            change=reported,
        )
        return StepCompleted()


def _description(ingest: Ingest, report: PlanReport) -> str:
    if report.would_fail:
        return f"Dry run: would fail: {', '.join(report.problems)}"
    total = f"{report.objects} object(s), {report.bytes} bytes"
    if ingest.task is Task.WARM:
        return f"Dry run: {total} to be restored in {', '.join(ingest.locations)}"
    where = ", ".join(one for one in ingest.locations if one != ingest.source)
    restored = (
        f", {report.restore_requests} to be restored first" if report.restore_requests else ""
    )
    return f"Dry run: {total} to be brought to {where}{restored}"


def _counted(
    lists: Sequence[WantedList], counts: Sequence[WorkloadCount]
) -> Iterator[ExpectedObject]:
    """Every object of the lists; what each list's location lacks is counted on the way."""
    for one, count in zip(lists, counts, strict=True):
        for expected in one.read():
            if not (expected.is_present or expected.is_manifest_file):
                count.add(expected.size)
            yield expected
