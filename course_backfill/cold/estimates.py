"""Estimates: how long restoring takes and what it costs; the formula is in docs/operations.md."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from course_backfill.clock import Clock
from course_backfill.cold.prices import PriceTable
from course_backfill.cold.storage import (
    INTELLIGENT_TIERING,
    Tier,
    Warmth,
    offered_tier,
    restore_time,
    warmth,
)
from course_backfill.cold.warming import ColdTotals, RestoreWish, TierEstimate
from course_backfill.ports import ObjectStat

GIGABYTE = 2**30
DAYS_OF_MONTH = 30
MICROS = 1_000_000
"""Of one unit of the price table's currency."""


@dataclass(frozen=True, slots=True, order=True)
class ColdKind:
    """What decides how an object restores: its storage class, and the class it restores like."""

    storage_class: str
    archive: str
    is_kept: bool = False
    """Whether it is restored already, so that only the days of its copy count anew."""


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
        self.by_class[name] = self.by_class.get(name, ColdTotals()).plus(stat.size)
        is_cold = warmth(stat.archive, stat.restore, self.clock()) is Warmth.COLD
        if stat.archive is not None and is_cold:
            kind = ColdKind(name, stat.archive)
            self.cold[kind] = self.cold.get(kind, ColdTotals()).plus(stat.size)


def estimate(
    cold: Mapping[ColdKind, ColdTotals], *, tier: Tier, days: int, prices: PriceTable
) -> TierEstimate:
    """What restoring it all with one tier takes; classes that do not offer it take the next.

    Cost is rounded up to whole cents once, at the end.
    """
    times = (restore_time(kind.archive, offered_tier(kind.archive, tier)) for kind in cold)
    longest = max((one for one in times if one), default=timedelta())
    return TierEstimate(
        tier=tier,
        requests=sum(total.objects for total in cold.values()),
        minutes=math.ceil(longest / timedelta(minutes=1)),
        cost_cents=_cents(cost_micros(cold, tier=tier, days=days, prices=prices)),
    )


def cost_micros(
    cold: Mapping[ColdKind, ColdTotals], *, tier: Tier, days: int, prices: PriceTable
) -> int:
    """What S3 charges for restoring it all with one tier, in millionths of the table's currency.

    Rounded up. What is kept costs its request and the storage of its copy.
    """
    cost = 0.0
    for kind, total in cold.items():
        price = prices.of(kind.storage_class, offered_tier(kind.archive, tier))
        gigabytes = total.bytes / GIGABYTE
        cost += total.objects / 1000 * price.requests
        cost += 0 if kind.is_kept else gigabytes * price.gigabyte
        if kind.storage_class != INTELLIGENT_TIERING:
            cost += gigabytes * prices.gigabyte_month * days / DAYS_OF_MONTH
    # Binary fractions of a price must not make another cent of a whole one.
    return math.ceil(round(cost * MICROS, 2))


def estimates(
    cold: Mapping[ColdKind, ColdTotals], *, days: int, prices: PriceTable
) -> tuple[TierEstimate, ...]:
    """One for each tier, slowest first."""
    return tuple(estimate(cold, tier=tier, days=days, prices=prices) for tier in Tier)


def excess(
    cold: Mapping[ColdKind, ColdTotals], *, wish: RestoreWish, prices: PriceTable, spent: int = 0
) -> str | None:
    """A sentence that names cost and limit where the wish's limit is exceeded; None otherwise.

    `spent` are the millionths that earlier restores of the ingest cost. What asks for nothing
    exceeds nothing.
    """
    if wish.max_cost_cents is None or not cold:
        return None
    cost = _cents(spent + cost_micros(cold, tier=wish.tier, days=wish.days, prices=prices))
    if cost <= wish.max_cost_cents:
        return None
    objects = sum(total.objects for total in cold.values())
    before = f" with the {money(_cents(spent), prices.currency)} spent before" if spent else ""
    return (
        f"restoring {objects} cold object(s) with tier {wish.tier} for {wish.days} day(s) costs "
        f"about {money(cost, prices.currency)}{before}, the limit is "
        f"{money(wish.max_cost_cents, prices.currency)}"
    )


def money(cents: int, currency: str) -> str:
    """`12.50 USD`."""
    return f"{cents // 100:,}.{cents % 100:02d} {currency}"


def _cents(micros: int) -> int:
    return -(-micros * 100 // MICROS)
