"""Warming: what an ingest asks of cold storage, how far that is, and what it may cost."""

from __future__ import annotations

from course_backfill.cold.storage import Tier
from course_backfill.records import Record


class RestoreWish(Record):
    """How cold objects are to be restored: how fast, for how many days, for how much at most."""

    tier: Tier = Tier.STANDARD
    days: int = 7
    max_cost_cents: int | None = None
    """An ingest that would cost more is refused, before anything is asked for beyond that."""


class ColdTotals(Record):
    """Objects and bytes of one archive class."""

    objects: int = 0
    bytes: int = 0

    def plus(self, size: int) -> ColdTotals:
        """With one more object, of so many bytes."""
        return ColdTotals(objects=self.objects + 1, bytes=self.bytes + size)


class PendingRestores(ColdTotals):
    """Objects that are cold or being restored, of one storage class that restores like another."""

    storage_class: str
    archive: str


class Warming(Record):
    """How far the restoring of an ingest's cold objects is, as the last look at listings showed it.

    All counts are of what the ingest has yet to read.
    """

    objects: int
    """Objects in archive classes, restored or not."""
    bytes: int
    asked: int = 0
    """Restores that were asked for or found under way, and are not done."""
    ready: int = 0
    asked_tier: Tier | None = None
    """The tier that S3 took at last."""
    wished_tier: Tier | None = None
    """The ingest's wish as it was when all that is under way was last asked for."""
    raised_to: str | None = None
    """How far a look came that was cut short: what is under way before it was asked for."""
    rounds: int = 1
    """How often it began anew, because restored copies had expired before they were read."""
    started_date: str
    """When the present round began."""
    ready_from_date: str | None = None
    """When, by S3's own times, the last one may be done."""
    ready_by_date: str | None = None
    """When, by S3's own times, the last one is done."""
    readable_until: str | None = None
    """When the first of the restored copies expires."""
    pending: tuple[PendingRestores, ...] = ()
    """What cannot be read yet, by what decides its price."""

    @property
    def is_asked(self) -> bool:
        """Whether nothing was left to be asked for."""
        return self.asked + self.ready >= self.objects


class TierEstimate(Record):
    """What restoring would take with one tier; cost in hundredths of the price table's currency."""

    tier: Tier
    requests: int
    minutes: int
    """That S3 takes at the most."""
    cost_cents: int
