"""How restores from cold storage are shown: what was wished, and how far it is."""

from __future__ import annotations

from typing import Self

from course_backfill.cold.warming import RestoreWish, Warming
from course_backfill.shown import Shown


class ShownRestore(Shown):
    """How cold objects are to be restored; `maxCost` in the currency of the price table."""

    tier: str
    days: int
    max_cost: float | None

    @classmethod
    def of(cls, wish: RestoreWish) -> Self:
        """The wish as shown."""
        cents = wish.max_cost_cents
        return cls(
            tier=wish.tier.value, days=wish.days, max_cost=None if cents is None else cents / 100
        )


class ShownWarming(Shown):
    """How far the restores of an ingest are, as the last look at the listings showed it.

    `objects` and `bytes` are what it must read out of archive classes, `ready` what can be read
    already, `asked` what is under way with `tier`. `readyByDate` is when S3 is done at the latest,
    `readableUntil` when the first restored copy expires.
    """

    objects: int
    bytes: int
    asked: int
    ready: int
    tier: str | None
    started_date: str
    ready_by_date: str | None
    readable_until: str | None

    @classmethod
    def of(cls, warming: Warming) -> Self:
        """The warming as shown."""
        own = set(cls.model_fields) - {"tier"}
        tier = warming.asked_tier
        return cls(tier=tier.value if tier else None, **warming.model_dump(include=own))
