"""The estimator of an installation: its locations, its rates and its prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from course_backfill.cold.warming import TierEstimate
from course_backfill.estimation.calculation import estimate, together
from course_backfill.estimation.estimates import CostLine, Estimate, Workload
from course_backfill.estimation.plans import EstimatePlan
from course_backfill.locations import Location
from course_backfill.settings import Settings

MICROS_OF_CENT = 10_000


class Estimator:
    """Estimates by the settings alone; asks nobody."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._locations = {one.id: one for one in settings.locations}

    def backfill(self, work: Workload, locations: Sequence[str]) -> Estimate:
        """From MongoDB to the primary, and from there to the other locations."""
        primary = self._settings.primary
        others = [self._locations[one] for one in locations if one != primary.id]
        return self._estimate(work, self._plan(primary, others, reads_source=True))

    def copies(self, source: str, brought: Mapping[str, Workload]) -> Estimate:
        """From one location to others, to each what is missing there of the same courses."""
        found = [
            self._estimate(work, self._plan(self._locations[source], [self._locations[to]]))
            for to, work in brought.items()
        ]
        whole = self.together(found)
        courses = max((one.courses for one in brought.values()), default=0)
        same = whole.workload.model_copy(update={"courses": courses})
        return whole.model_copy(update={"workload": same})

    def together(self, estimates: Sequence[Estimate]) -> Estimate:
        """Of all that is worked on at a time."""
        settings = self._settings
        workers = settings.estimate_rates.workers
        return together(estimates, workers=workers, currency=settings.currency)

    def _plan(
        self, source: Location, others: Sequence[Location], *, reads_source: bool = False
    ) -> EstimatePlan:
        return EstimatePlan.of(
            others,
            source=source,
            reads_source=reads_source,
            verify=self._settings.verify,
            region=self._settings.aws_region,
        )

    def _estimate(self, work: Workload, plan: EstimatePlan) -> Estimate:
        return estimate(
            work,
            plan,
            rates=self._settings.estimate_rates,
            prices=self._settings.service_prices,
            currency=self._settings.currency,
            read_rate=self._settings.source_bytes_per_second,
        )


def with_restores(before: Estimate, source: str, tier: TierEstimate) -> Estimate:
    """With what has to be restored first, by one tier."""
    if not tier.requests:
        return before
    micros = tier.cost_cents * MICROS_OF_CENT
    line = CostLine(
        item="restores",
        location=source,
        quantity=tier.requests,
        unit="requests",
        cost_micros=micros,
    )
    return before.model_copy(
        update={
            "seconds": before.seconds + tier.minutes * 60,
            "once_micros": before.once_micros + micros,
            "lines": (*before.lines, line),
        }
    )
