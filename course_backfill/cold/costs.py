"""What an ingest would have restored, by listings, and whether it may cost that much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from course_backfill.clock import Clock
from course_backfill.cold.estimates import ColdKind, StorageTally, cost_micros, estimates, excess
from course_backfill.cold.prices import PriceTable
from course_backfill.cold.storage import Tier
from course_backfill.cold.warming import ColdTotals, TierEstimate
from course_backfill.copies.places import Places
from course_backfill.copies.wanted_objects import WantedList, wanted_objects
from course_backfill.courses import CourseId
from course_backfill.failures import Failure
from course_backfill.ingest_step import StepFailed
from course_backfill.ingests import Ingest, Stage


class RestoreCosts:
    """Asks S3 for listings, and for nothing that costs more."""

    def __init__(self, *, places: Places, prices: PriceTable, clock: Clock) -> None:
        self._places = places
        self._prices = prices
        self._clock = clock

    @property
    def currency(self) -> str:
        """Of all costs."""
        return self._prices.currency

    def tally(self, ingest: Ingest, lists: Sequence[WantedList]) -> StorageTally:
        """Everything on the lists by storage class, and what of it must be restored."""
        tally = StorageTally(self._clock)
        course = CourseId.parse(ingest.course)
        for one in wanted_objects(lists, places=self._places, course=course):
            tally.add(one.seen())
        return tally

    def by_tier(self, ingest: Ingest, tally: StorageTally) -> tuple[TierEstimate, ...]:
        """What restoring takes and costs with each tier."""
        return estimates(tally.cold, days=ingest.restore.days, prices=self._prices)

    def micros(self, ingest: Ingest, taken: Mapping[Tier, Mapping[ColdKind, ColdTotals]]) -> int:
        """What S3 charges for what it took, in millionths of the currency."""
        return sum(
            cost_micros(cold, tier=tier, days=ingest.restore.days, prices=self._prices)
            for tier, cold in taken.items()
        )

    def refusal(self, ingest: Ingest, tally: StorageTally) -> StepFailed | None:
        """The failure of an ingest that would cost more than its request allows."""
        return self.refusal_of(ingest, tally.cold)

    def refusal_of(self, ingest: Ingest, cold: Mapping[ColdKind, ColdTotals]) -> StepFailed | None:
        """Likewise, of what is to be restored next: what was asked for before counts too."""
        detail = excess(
            cold, wish=ingest.restore, prices=self._prices, spent=ingest.restores_micros
        )
        if detail is None:
            return None
        stage = ingest.stage or Stage.PLANNING
        return StepFailed(Failure.of_ingest("too-expensive", detail, stage=stage))
