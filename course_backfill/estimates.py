"""Estimates: how long restoring takes and what it costs; the formula is in docs/operations.md."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from course_backfill.clock import Clock
from course_backfill.cold_storage import (
    INTELLIGENT_TIERING,
    Tier,
    Warmth,
    offered_tier,
    restore_time,
    warmth,
)
from course_backfill.ports import ObjectStat
from course_backfill.prices import PriceTable
from course_backfill.warming import ColdTotals, RestoreWish, TierEstimate

GIGABYTE = 2**30
DAYS_OF_MONTH = 30


@dataclass(frozen=True, slots=True, order=True)
class ColdKind:
    """What decides how an object restores: its storage class, and the class it restores like."""

    storage_class: str
    archive: str


@dataclass(slots=True)
class StorageTally:
    """Counts objects that an ingest must read by their storage class, and those that are cold."""

    clock: Clock
    by_class: dict[str, ColdTotals] = field(default_factory=dict)
    cold: dict[ColdKind, ColdTotals] = field(default_factory=dict)
    """What no restore was asked for yet, or not any more."""

    def add(self, stat: ObjectStat) -> None:
        """Takes the next object, as its location shows it."""
        name = stat.storage_class
        self.by_class[name] = _with(self.by_class.get(name), stat.size)
        is_cold = warmth(stat.archive, stat.restore, self.clock()) is Warmth.COLD
        if stat.archive is not None and is_cold:
            kind = ColdKind(name, stat.archive)
            self.cold[kind] = _with(self.cold.get(kind), stat.size)


def estimate(
    cold: Mapping[ColdKind, ColdTotals], *, tier: Tier, days: int, prices: PriceTable
) -> TierEstimate:
    """What restoring it all with one tier takes; classes that do not offer it take the next.

    Cost is rounded up to whole cents once, at the end.
    """
    cost, longest = 0.0, timedelta()
    for kind, total in cold.items():
        offered = offered_tier(kind.archive, tier)
        price = prices.of(kind.storage_class, offered)
        gigabytes = total.bytes / GIGABYTE
        cost += total.objects / 1000 * price.requests + gigabytes * price.gigabyte
        if kind.storage_class != INTELLIGENT_TIERING:
            cost += gigabytes * prices.gigabyte_month * days / DAYS_OF_MONTH
        longest = max(longest, restore_time(kind.archive, offered) or timedelta())
    return TierEstimate(
        tier=tier,
        requests=sum(total.objects for total in cold.values()),
        minutes=math.ceil(longest / timedelta(minutes=1)),
        # Binary fractions of a price must not make another cent of a whole one.
        cost_cents=math.ceil(round(cost * 100, 6)),
    )


def estimates(
    cold: Mapping[ColdKind, ColdTotals], *, days: int, prices: PriceTable
) -> tuple[TierEstimate, ...]:
    """One for each tier, slowest first."""
    return tuple(estimate(cold, tier=tier, days=days, prices=prices) for tier in Tier)


def excess(
    cold: Mapping[ColdKind, ColdTotals], *, wish: RestoreWish, prices: PriceTable
) -> str | None:
    """A sentence that names cost and limit where the wish's limit is exceeded; None otherwise."""
    if wish.max_cost_cents is None:
        return None
    cost = estimate(cold, tier=wish.tier, days=wish.days, prices=prices).cost_cents
    if cost <= wish.max_cost_cents:
        return None
    objects = sum(total.objects for total in cold.values())
    return (
        f"restoring {objects} cold object(s) with tier {wish.tier} for {wish.days} day(s) costs "
        f"about {money(cost, prices.currency)}, the limit is "
        f"{money(wish.max_cost_cents, prices.currency)}"
    )


def money(cents: int, currency: str) -> str:
    """`12.50 USD`."""
    return f"{cents // 100:,}.{cents % 100:02d} {currency}"


def _with(before: ColdTotals | None, size: int) -> ColdTotals:
    before = before or ColdTotals()
    return ColdTotals(objects=before.objects + 1, bytes=before.bytes + size)
