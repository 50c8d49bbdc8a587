"""Estimates: what restoring costs and takes, by the price table."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_backfill.cold.estimates import (
    GIGABYTE,
    ColdKind,
    StorageTally,
    estimate,
    estimates,
    excess,
    money,
)
from course_backfill.cold.prices import PRICED, PriceTable, aws_prices
from course_backfill.cold.storage import (
    Restore,
    Tier,
    offered_tier,
    restore_time,
    soonest_restore,
)
from course_backfill.cold.warming import ColdTotals, RestoreWish
from course_backfill.errors import InvalidInput
from course_backfill.ports import ObjectStat
from course_backfill.settings import Settings
from tests.generators import MORNING

PRICES = PriceTable()
GLACIER = ColdKind("GLACIER", "GLACIER")
DEEP = ColdKind("DEEP_ARCHIVE", "DEEP_ARCHIVE")
TIERED = ColdKind("INTELLIGENT_TIERING", "GLACIER")

totals = st.builds(
    ColdTotals, objects=st.integers(0, 10**7), bytes=st.integers(0, 10**5 * GIGABYTE)
)
colds = st.dictionaries(st.sampled_from([GLACIER, DEEP, TIERED]), totals)


def cents(kind: ColdKind, *, tier: Tier, objects: int, gigabytes: int, days: int = 1) -> int:
    cold = {kind: ColdTotals(objects=objects, bytes=gigabytes * GIGABYTE)}
    return estimate(cold, tier=tier, days=days, prices=PRICES).cost_cents


def test_a_known_bill_comes_out() -> None:
    """15 million objects, 100 TB: the provider's own example, without the restored copies."""
    prices = PriceTable(gigabyte_month=0)
    cold = {GLACIER: ColdTotals(objects=15_000_000, bytes=102_400 * GIGABYTE)}
    assert estimate(cold, tier=Tier.STANDARD, days=1, prices=prices).cost_cents == 177_400
    expedited = estimate(cold, tier=Tier.EXPEDITED, days=1, prices=prices)
    assert expedited.cost_cents == 15_000_000 + 307_200


def test_restored_copies_cost_storage_by_the_day() -> None:
    one = cents(GLACIER, tier=Tier.BULK, objects=1, gigabytes=1000, days=30)
    assert one == 2300
    assert cents(GLACIER, tier=Tier.BULK, objects=1, gigabytes=1000, days=60) == 2 * one


def test_intelligent_tiering_keeps_no_copies() -> None:
    assert cents(TIERED, tier=Tier.BULK, objects=1_000_000, gigabytes=1000, days=30) == 0


def test_a_part_of_a_cent_is_a_whole_one() -> None:
    assert cents(DEEP, tier=Tier.STANDARD, objects=1, gigabytes=0) == 1


def test_a_tier_that_is_not_offered_costs_and_takes_what_is_asked_for_instead() -> None:
    cold = {DEEP: ColdTotals(objects=1000, bytes=GIGABYTE)}
    fast = estimate(cold, tier=Tier.EXPEDITED, days=1, prices=PRICES)
    standard = estimate(cold, tier=Tier.STANDARD, days=1, prices=PRICES)
    assert (fast.cost_cents, fast.minutes) == (standard.cost_cents, 12 * 60)


def test_nothing_cold_costs_and_takes_nothing() -> None:
    assert {(one.cost_cents, one.minutes) for one in estimates({}, days=7, prices=PRICES)} == {
        (0, 0)
    }


@given(colds, st.sampled_from(Tier), st.integers(1, 365))
def test_more_days_and_more_objects_never_cost_less(
    cold: dict[ColdKind, ColdTotals], tier: Tier, days: int
) -> None:
    cost = estimate(cold, tier=tier, days=days, prices=PRICES).cost_cents
    assert estimate(cold, tier=tier, days=days + 1, prices=PRICES).cost_cents >= cost
    more = {
        kind: ColdTotals(objects=one.objects + 1, bytes=one.bytes + 1) for kind, one in cold.items()
    }
    assert estimate(more, tier=tier, days=days, prices=PRICES).cost_cents >= cost


@given(colds, st.integers(1, 365))
def test_a_faster_tier_never_takes_longer_nor_costs_less(
    cold: dict[ColdKind, ColdTotals], days: int
) -> None:
    bulk, standard, expedited = estimates(cold, days=days, prices=PRICES)
    assert bulk.minutes >= standard.minutes >= expedited.minutes
    assert bulk.cost_cents <= standard.cost_cents <= expedited.cost_cents
    assert len({bulk.requests, standard.requests, expedited.requests}) == 1


@given(colds, st.sampled_from(Tier), st.integers(0, 10**9))
def test_exactly_what_costs_more_than_the_limit_is_refused(
    cold: dict[ColdKind, ColdTotals], tier: Tier, limit: int
) -> None:
    cost = estimate(cold, tier=tier, days=7, prices=PRICES).cost_cents
    wish = RestoreWish(tier=tier, max_cost_cents=limit)
    refused = excess(cold, wish=wish, prices=PRICES)
    assert (refused is not None) == (cost > limit)
    if refused:
        assert money(cost, "USD") in refused
        assert money(limit, "USD") in refused


def test_without_a_limit_nothing_is_refused() -> None:
    cold = {GLACIER: ColdTotals(objects=10**9, bytes=10**15)}
    assert excess(cold, wish=RestoreWish(), prices=PRICES) is None


@pytest.mark.parametrize(
    ("cents", "text"), [(0, "0.00 EUR"), (5, "0.05 EUR"), (123_456, "1,234.56 EUR")]
)
def test_money_is_written_as_people_do(cents: int, text: str) -> None:
    assert money(cents, "EUR") == text


def test_only_what_still_must_be_restored_is_counted_as_cold() -> None:
    tally = StorageTally(lambda: MORNING)
    restored = Restore(MORNING + timedelta(days=1))
    expired = Restore(MORNING - timedelta(days=1))
    tally.add(ObjectStat("a", 1))
    for restore in (None, Restore(), restored, expired):
        tally.add(ObjectStat("b", 10, storage_class="GLACIER", archive="GLACIER", restore=restore))
    assert tally.cold == {GLACIER: ColdTotals(objects=2, bytes=20)}
    assert tally.by_class["GLACIER"] == ColdTotals(objects=4, bytes=40)
    assert tally.by_class["STANDARD"] == ColdTotals(objects=1, bytes=1)


@pytest.mark.parametrize("archive", ["GLACIER", "DEEP_ARCHIVE"])
@pytest.mark.parametrize("tier", Tier)
def test_every_tier_that_is_asked_for_has_its_times(archive: str, tier: Tier) -> None:
    offered = offered_tier(archive, tier)
    soonest, longest = soonest_restore(archive, offered), restore_time(archive, offered)
    assert soonest is not None
    assert longest is not None
    assert timedelta() < soonest <= longest


# --- the table ---


def test_the_table_has_a_price_for_all_that_s3_offers() -> None:
    assert [(one.storage_class, one.tier) for one in aws_prices()] == list(PRICED)


@pytest.mark.parametrize("missing", range(len(PRICED)))
def test_a_table_that_lacks_a_price_is_refused_by_name(
    missing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest = [one.to_item() for number, one in enumerate(aws_prices()) if number != missing]
    with pytest.raises(InvalidInput, match=" ".join(PRICED[missing])):
        Settings.load({"restore_prices": rest})


def test_a_price_below_nothing_is_refused() -> None:
    wrong = [one.to_item() | {"gigabyte": -1} for one in aws_prices()]
    with pytest.raises(InvalidInput, match="restore-prices item 1 gigabyte: expected 0"):
        Settings.load({"restore_prices": wrong})


def test_settings_make_the_table_and_the_usual_wish() -> None:
    settings = Settings(
        currency="EUR", restored_gigabyte_month=1, restore_tier=Tier.BULK, restore_days=3
    )
    assert settings.price_table.currency == "EUR"
    assert settings.price_table.gigabyte_month == 1
    assert settings.restore_wish == RestoreWish(tier=Tier.BULK, days=3)
