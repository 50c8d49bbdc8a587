"""Warming: what an ingest asks of cold storage, how far that is, and what it may cost."""

from __future__ import annotations

from course_backfill.cold_storage import Tier
from course_backfill.records import Record


class RestoreWish(Record):
    """How cold objects are to be restored: how fast, for how many days, for how much at most."""

    tier: Tier = Tier.STANDARD
    days: int = 7
    max_cost_cents: int | None = None
    """An ingest that would cost more is refused at planning."""


class Warming(Record):
    """How far the restoring of an ingest's cold objects is, as the last listing showed it."""

    objects: int
    """Cold objects that the ingest must read."""
    bytes: int
    asked: int = 0
    """Restores that were asked for or found under way, and are not done."""
    ready: int = 0
    asked_tier: Tier | None = None
    """The fastest tier that every restore under way was asked for with."""
    started_date: str
    ready_by_date: str | None = None
    """When S3's own times say that the last one is done."""


class ColdTotals(Record):
    """Objects and bytes of one archive class."""

    objects: int = 0
    bytes: int = 0


class TierEstimate(Record):
    """What restoring would take with one tier; cost in hundredths of the price table's currency."""

    tier: Tier
    requests: int
    hours: float
    cost_cents: int
