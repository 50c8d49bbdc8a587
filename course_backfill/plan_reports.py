"""Plan reports: what a dry run found."""

from __future__ import annotations

from pydantic import Field

from course_backfill.cold.storage import Tier
from course_backfill.cold.warming import ColdTotals, TierEstimate
from course_backfill.estimation.estimates import Estimate
from course_backfill.records import Record

LARGEST = 10
"""Objects that a report names because they are the largest."""


class LargestObject(Record):
    """One of the largest objects of a course."""

    path: str
    size: int


class PlanReport(Record):
    """What a dry run found; problems are listed one by one under the ingest's failures.

    Costs of tiers are of restoring alone, in hundredths of `currency`; `estimate` is of everything.
    """

    objects: int
    """That would be copied, or restored where that is all; once for each location."""
    bytes: int
    by_kind: dict[str, dict[str, int]]
    largest: tuple[LargestObject, ...]
    shared_with: tuple[str, ...]
    problems: dict[str, int]
    """Code → how many objects, failures and warnings alike."""
    bytes_were_read: bool
    would_fail: bool
    unchanged: bool
    """Whether the latest version equals the source, so that an ingest would have nothing to do."""
    to_repair: int = 0
    """Damaged copies: an ingest mends them first, and brings nothing else."""
    present: int = 0
    """Objects that are where they would be copied to already."""
    by_storage_class: dict[str, ColdTotals] = Field(default_factory=dict)
    """Storage class → what would be read of it; empty where the source is no location."""
    restore_requests: int = 0
    """Objects that must be restored first, and are not being restored."""
    tier: Tier | None = None
    """The tier that the request would have."""
    tiers: tuple[TierEstimate, ...] = ()
    """What restoring would take with each tier, slowest first."""
    currency: str | None = None
    estimate: Estimate | None = None
    """Time and cost of all of it; null where nothing is copied, or nothing can be."""
