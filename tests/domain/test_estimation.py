"""Estimates: more to do never costs less, parts add up, nothing costs nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from course_backfill.adapters.s3_copier import WHOLE
from course_backfill.cold.storage import Tier
from course_backfill.cold.warming import TierEstimate
from course_backfill.estimation.estimates import Estimate, Workload
from course_backfill.estimation.estimator import Estimator, with_restores
from course_backfill.estimation.formula import FORMULA
from course_backfill.estimation.rates import Rates
from course_backfill.estimation.service_prices import ServicePrices, aws_storage_prices
from course_backfill.estimation.workloads import COPIED_WHOLE, WorkloadCount, assumed_workload
from course_backfill.locations import Location
from course_backfill.settings import Settings

LOCATIONS = (
    Location(bucket="estimates-primary"),
    Location(id="rare", bucket="estimates-rare", storage_class="STANDARD_IA"),
    Location(id="far", bucket="estimates-far", region="eu-west-1"),
    Location(id="cold", bucket="estimates-cold", storage_class="DEEP_ARCHIVE"),
    Location(id="other", bucket="estimates-other", role_arn="arn:aws:iam::123456789012:role/x"),
)
SETTINGS = Settings(locations=LOCATIONS, aws_region="us-east-1")
ESTIMATOR = Estimator(SETTINGS)
ALL = tuple(one.id for one in LOCATIONS)
ESTIMATES_PAGE = Path(__file__).parents[2] / "docs" / "estimates.md"

ways = st.lists(st.sampled_from(ALL[1:]), unique=True).map(lambda others: ("primary", *others))
sizes = st.integers(0, 300 * 2**20) | st.integers(0, 200_000)
courses_of_sizes = st.lists(sizes, max_size=50)
plans = st.tuples(st.integers(0, 10**5), st.integers(0, 10**8), st.integers(0, 10**15))


def counted(found: list[int]) -> Workload:
    count = WorkloadCount()
    for size in found:
        count.add(size)
    return count.workload()


def assumed(plan: tuple[int, int, int]) -> Workload:
    courses, objects, size = plan
    return assumed_workload(courses=courses, objects=objects, size=size, rates=Rates())


def quantities(found: Estimate) -> dict[tuple[str, str | None], int]:
    return {(one.item, one.location): one.quantity for one in found.lines}


def no_more(less: Estimate, more: Estimate) -> bool:
    amounts = quantities(more)
    is_less = all(amounts.get(line, 0) >= amount for line, amount in quantities(less).items())
    return is_less and less.seconds <= more.seconds


@given(ways)
def test_nothing_takes_nothing(way: tuple[str, ...]) -> None:
    for nothing in (Workload(), counted([]), assumed((0, 5, 5)), assumed((5, 0, 5))):
        found = ESTIMATOR.backfill(nothing, way)
        assert (found.seconds, found.once_micros, found.monthly_micros, found.lines) == (
            0,
            0,
            0,
            (),
        )


@given(courses_of_sizes, sizes, ways)
def test_one_object_more_never_takes_less(
    course: list[int], size: int, way: tuple[str, ...]
) -> None:
    fewer = ESTIMATOR.backfill(counted(course), way)
    assert no_more(fewer, ESTIMATOR.backfill(counted([*course, size]), way))


@given(plans, plans, ways)
def test_of_a_plan_more_of_anything_never_takes_less(
    plan: tuple[int, int, int], added: tuple[int, int, int], way: tuple[str, ...]
) -> None:
    before = ESTIMATOR.backfill(assumed(plan), way)
    courses, objects, size = plan
    for more in (
        (courses, objects + added[1], size),
        (courses, objects, size + added[2]),
    ):
        assert no_more(before, ESTIMATOR.backfill(assumed(more), way))
    split_further = ESTIMATOR.backfill(assumed((courses + added[0], objects, size)), way)
    assert before.once_micros <= split_further.once_micros


@given(courses_of_sizes, ways)
def test_a_location_more_never_takes_less(course: list[int], way: tuple[str, ...]) -> None:
    work = counted(course)
    assert no_more(ESTIMATOR.backfill(work, way[:-1] or ALL[:1]), ESTIMATOR.backfill(work, way))


@given(st.lists(courses_of_sizes, max_size=5), ways)
def test_courses_add_up(courses: list[list[int]], way: tuple[str, ...]) -> None:
    works = [counted(one) for one in courses]
    whole = Workload()
    for work in works:
        whole = whole.plus(work)
    single = [ESTIMATOR.backfill(work, way) for work in works]
    added = ESTIMATOR.together(single)
    at_once = ESTIMATOR.backfill(whole, way)
    assert added.workload == whole
    slack = len(added.lines) * len(works) + 20  # Rounding, and batches that are not shared.
    assert abs(added.once_micros - at_once.once_micros) <= slack
    assert abs(added.monthly_micros - at_once.monthly_micros) <= slack
    for millis in ("copying_millis", "listing_millis", "source_millis"):
        assert abs(getattr(added, millis) - getattr(at_once, millis)) <= len(works) + 1
    alone = [one.seconds for one in single]
    assert max(alone, default=0) <= added.seconds <= sum(alone) + len(alone)


@given(courses_of_sizes, ways)
def test_the_sums_are_those_of_the_lines(course: list[int], way: tuple[str, ...]) -> None:
    found = ESTIMATOR.backfill(counted(course), way)
    once = [one.cost_micros for one in found.lines if not one.is_monthly]
    monthly = [one.cost_micros for one in found.lines if one.is_monthly]
    assert (found.once_micros, found.monthly_micros) == (sum(once), sum(monthly))


@given(courses_of_sizes)
def test_what_is_brought_between_locations_reads_no_mongodb(course: list[int]) -> None:
    found = ESTIMATOR.copies("primary", {"rare": counted(course), "far": counted(course)})
    assert found.source_millis == 0
    assert found.workload.objects == 2 * len(course)
    assert {one.location for one in found.lines if one.is_monthly} <= {"rare", "far"}


def test_a_bill_worked_out_by_hand_comes_out() -> None:
    """A million objects of 1 MiB, by the table of prices in the documentation."""
    work = Workload(courses=1, objects=1_000_000, bytes=2**40, packets=6_243)
    found = {(one.item, one.location): one for one in ESTIMATOR.backfill(work, ("primary",)).lines}
    assert found["S3 writes", "primary"].cost_micros == 5_000_015
    assert found["S3 reads", "primary"].cost_micros == 400_001
    assert found["storage", "primary"].cost_micros == 1024 * 23_000
    assert found["Lambda calls", None].quantity == 4 + 2 * 6_243


def test_classes_that_bill_128_kib_make_small_objects_dear() -> None:
    work = counted([1024] * 1000)
    found = {one.location: one for one in ESTIMATOR.backfill(work, ALL).lines if one.is_monthly}
    assert found["rare"].quantity == 1000 * 128 * 1024
    assert found["primary"].quantity == 1000 * 1024


def test_restoring_adds_its_price_and_its_hours() -> None:
    before = ESTIMATOR.copies("cold", {"rare": counted([5])})
    tier = TierEstimate(tier=Tier.BULK, requests=1, minutes=60, cost_cents=7)
    after = with_restores(before, "cold", tier)
    assert after.seconds == before.seconds + 3600
    assert after.once_micros == before.once_micros + 70_000
    none = tier.model_copy(update={"requests": 0})
    assert with_restores(before, "cold", none) == before


def test_more_workers_are_faster_until_mongodb_is_the_limit() -> None:
    work = assumed((5000, 50_000_000, 10**12))
    seconds = [
        Estimator(SETTINGS.model_copy(update={"estimate_rates": Rates(workers=workers)}))
        .backfill(work, ("primary",))
        .seconds
        for workers in (1, 10, 100, 5_000, 10_000)
    ]
    assert seconds == sorted(seconds, reverse=True)
    assert seconds[0] > 50 * seconds[-1]
    assert seconds[-1] == seconds[-2] == 5000


@pytest.mark.parametrize(("limit", "seconds"), [(20_000_000, 50_000), (10**9, 5_000)])
def test_mongodb_is_estimated_to_be_read_no_faster_than_it_may_be(limit: int, seconds: int) -> None:
    """The lower of what all workers may read, and of what MongoDB is taken to give."""
    fast = {"estimate_rates": Rates(workers=10_000), "source_bytes_per_second": limit}
    estimator = Estimator(SETTINGS.model_copy(update=fast))
    found = estimator.backfill(assumed((5000, 50_000_000, 10**12)), ("primary",))
    assert found.seconds == found.source_millis / 1000 == seconds
    assert estimator.copies("cold", {"rare": counted([10**10])}).source_millis == 0


def paid_seconds(found: Estimate) -> float:
    """Seconds of functions that the bill has."""
    return quantities(found)["Lambda", None] / Rates().memory_megabytes * 1024


@pytest.mark.parametrize(("limit", "seconds"), [(6_200_000, 161_290), (20_000_000, 50_000)])
def test_functions_that_wait_for_the_source_are_on_the_bill(limit: int, seconds: int) -> None:
    """All 8 that copy are paid for as long as it takes, and the others as ever."""
    work = assumed((5000, 50_000_000, 10**12))
    unlimited = ESTIMATOR.backfill(work, ("primary",))
    found = limited(limit).backfill(work, ("primary",))
    copying = unlimited.copying_millis / 2 / 1000
    others = paid_seconds(unlimited) - copying
    assert paid_seconds(found) == pytest.approx(others + 8 * seconds, rel=1e-4)
    waiting = paid_seconds(found) - paid_seconds(unlimited)
    line = ("DynamoDB writes", None)
    renewals = quantities(found)[line] - quantities(unlimited)[line]
    assert renewals == pytest.approx(waiting / 5 * 6, rel=1e-4)
    assert found.copying_millis == unlimited.copying_millis


def limited(limit: int) -> Estimator:
    return Estimator(SETTINGS.model_copy(update={"source_bytes_per_second": limit}))


@given(courses_of_sizes, ways, st.integers(100_000, 10**10), st.integers(0, 10**8))
def test_a_lower_read_rate_never_takes_less(
    course: list[int], way: tuple[str, ...], limit: int, more: int
) -> None:
    work = counted(course)
    faster = limited(limit + more).backfill(work, way)
    assert no_more(ESTIMATOR.backfill(work, way), faster)
    assert no_more(faster, limited(limit).backfill(work, way))


@given(st.lists(courses_of_sizes, max_size=5), st.integers(100_000, 10**9))
def test_under_a_read_rate_courses_together_cost_no_more_than_each_alone(
    courses: list[list[int]], limit: int
) -> None:
    estimator = limited(limit)
    whole = Workload()
    for course in courses:
        whole = whole.plus(counted(course))
    alone = estimator.together([estimator.backfill(counted(one), ALL[:1]) for one in courses])
    slack = len(alone.lines) * len(courses) + 20  # Rounding.
    assert estimator.backfill(whole, ALL[:1]).once_micros <= alone.once_micros + slack


def test_what_is_brought_between_locations_waits_for_no_source() -> None:
    brought = {"rare": counted([10**9])}
    assert limited(100_000).copies("primary", brought) == ESTIMATOR.copies("primary", brought)


def test_the_copier_parts_objects_where_estimates_say() -> None:
    assert COPIED_WHOLE == WHOLE


def test_the_documentation_has_the_formula_and_every_default() -> None:
    page = ESTIMATES_PAGE.read_text()
    assert FORMULA in page
    for name, rate in Rates().to_item().items():
        assert f"| `{name}` | {rate:g} |" in page
    for one in aws_storage_prices():
        cells = (one.writes, one.reads, one.gigabyte_month, one.gigabyte_read)
        assert f"| `{one.storage_class}` | " + " | ".join(f"{cell:g}" for cell in cells) in page
    for name, price in ServicePrices().to_item().items():
        if name != "storage":
            assert f"| `{name}` | {price:g} |" in page


def test_a_storage_class_without_a_price_is_named() -> None:
    with pytest.raises(ValidationError, match="GLACIER_IR"):
        ServicePrices(
            storage=tuple(one for one in aws_storage_prices() if one.storage_class != "GLACIER_IR")
        )
