"""Dry runs between locations, and limits on what restoring may cost."""

from __future__ import annotations

import pytest

from course_backfill.cold.prices import aws_prices
from course_backfill.cold.storage import Tier
from course_backfill.cold.warming import RestoreWish
from course_backfill.errors import Conflict
from course_backfill.failures import Failure
from course_backfill.ingests import IngestStatus
from course_backfill.locations import Location
from course_backfill.messages import Step
from tests.services.memory_pipeline import COURSE
from tests.services.warming_world import FILES, LOCATIONS, CountedRestores, WarmingWorld

A_CENT_EACH = tuple(
    one.model_copy(update={"requests": 10.0 if one.tier is Tier.STANDARD else 1.0})
    for one in aws_prices()
)
"""Standard costs a cent a request."""


@pytest.fixture
def world() -> WarmingWorld:
    return WarmingWorld(restore_prices=A_CENT_EACH, restored_gigabyte_month=0, currency="EUR")


def test_a_dry_run_tells_classes_requests_time_and_cost(world: WarmingWorld) -> None:
    world.cool()
    ingest = world.ingest(world.bring(dry_run=True))
    report = ingest.report
    assert ingest.status is IngestStatus.SUCCEEDED
    assert report is not None
    assert report.objects == FILES + 3
    assert report.by_storage_class["GLACIER"].objects == FILES
    assert report.by_storage_class["STANDARD"].objects == 3
    assert (report.restore_requests, report.currency, report.tier) == (FILES, "EUR", Tier.STANDARD)
    tiers = {one.tier: (one.minutes, one.cost_cents) for one in report.tiers}
    assert tiers == {Tier.BULK: (720, 1), Tier.STANDARD: (300, 3), Tier.EXPEDITED: (5, 1)}
    assert not report.would_fail


def test_a_dry_run_copies_restores_and_takes_nothing(
    world: WarmingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.cool()
    restores = CountedRestores(world, monkeypatch)
    before = world.wiring.courses.get(str(COURSE))
    world.bring(dry_run=True)
    world.pass_time(hours=6)
    assert restores.take() == []
    assert world.second.versions == {}
    assert world.wiring.courses.get(str(COURSE)) == before


def test_a_dry_run_beside_an_active_ingest_is_no_conflict(world: WarmingWorld) -> None:
    world.cool()
    world.bring()
    report = world.ingest(world.bring(dry_run=True)).report
    assert report is not None
    assert report.restore_requests == 0


def test_a_dry_run_where_nothing_is_missing_says_so(world: WarmingWorld) -> None:
    world.bring()
    report = world.ingest(world.bring(dry_run=True)).report
    assert report is not None
    assert (report.objects, report.unchanged) == (0, True)


def test_a_dry_run_counts_what_is_there_already(world: WarmingWorld) -> None:
    key = world.prefix("v1") + "assets/file-00000.txt"
    content = world.bucket.versions[key][-1].content or b""
    world.second.store(key, content)
    report = world.ingest(world.bring(dry_run=True)).report
    assert report is not None
    assert (report.objects, report.present) == (FILES + 2, 1)


def test_a_dry_run_finds_what_would_fail(world: WarmingWorld) -> None:
    world.bucket.mark_deleted(world.prefix("v1") + "assets/file-00000.txt")
    ingest = world.ingest(world.bring(dry_run=True))
    assert ingest.report is not None
    assert ingest.report.would_fail
    assert ingest.report.problems == {"source-copy-damaged": 1}
    assert [one.path for one in world.failures(ingest.id)] == [
        f"courses/{COURSE}/v1/assets/file-00000.txt"
    ]


def test_an_ingest_that_costs_more_than_allowed_is_refused_with_both_figures(
    world: WarmingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.cool()
    restores = CountedRestores(world, monkeypatch)
    failure = world.ingest(world.bring(restore=RestoreWish(max_cost_cents=2))).failure
    assert failure is not None
    assert failure.code == "too-expensive"
    assert "costs about 0.03 EUR, the limit is 0.02 EUR" in failure.detail
    assert restores.take() == []
    assert world.wiring.courses.get(str(COURSE)).active_ingest is None


def test_an_ingest_that_costs_what_is_allowed_goes_on(world: WarmingWorld) -> None:
    world.cool()
    ingest = world.bring(restore=RestoreWish(max_cost_cents=3))
    world.pass_time(hours=6)
    assert world.ingest(ingest).status is IngestStatus.SUCCEEDED


def test_what_is_restored_already_costs_nothing(world: WarmingWorld) -> None:
    for key in world.cool():
        world.wiring.restorer(world.wiring.primary).restore(key, days=3, tier=Tier.STANDARD)
    ingest = world.ingest(world.bring(restore=RestoreWish(max_cost_cents=0)))
    assert ingest.failure is None


def test_nothing_cold_is_within_any_limit(world: WarmingWorld) -> None:
    ingest = world.ingest(world.bring(restore=RestoreWish(max_cost_cents=0)))
    assert ingest.status is IngestStatus.SUCCEEDED


def test_warming_a_course_is_refused_above_the_limit_too(world: WarmingWorld) -> None:
    world.cool()
    wish = RestoreWish(max_cost_cents=1)
    failure = world.ingest(world.ask(ingest_type="warm-course", restore=wish)).failure
    assert failure is not None
    assert failure.code == "too-expensive"


def test_what_goes_cold_after_planning_is_not_restored_above_the_limit(
    world: WarmingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    restores = CountedRestores(world, monkeypatch)
    ingest = world.bring(run=False, restore=RestoreWish(max_cost_cents=FILES - 1))
    packet = world.run(until=lambda message: message.step is Step.REPLICATE)
    assert packet is not None
    world.cool()
    world.deliver(packet)
    world.run()
    failure = world.ingest(ingest).failure
    assert failure is not None
    assert failure.code == "too-expensive"
    assert "costs about 0.03 EUR, the limit is 0.02 EUR" in failure.detail
    assert restores.take() == []


def test_what_was_asked_for_before_counts_against_the_limit(
    world: WarmingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.cool()
    ingest = world.bring(restore=RestoreWish(max_cost_cents=FILES, days=1))
    assert world.ingest(ingest).restores_micros == FILES * 10_000
    restores = CountedRestores(world, monkeypatch)
    world.pass_time(hours=4)
    world.cool()
    world.pass_time(hours=4)
    failure = world.ingest(ingest).failure
    assert failure is not None
    assert failure.code == "too-expensive"
    assert "about 0.06 EUR with the 0.03 EUR spent before" in failure.detail
    assert restores.take() == []


def test_a_resumed_ingest_has_the_limit_that_it_had(
    world: WarmingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.cool()
    wish = RestoreWish(max_cost_cents=FILES + 1)
    ingest = world.bring(restore=wish, on_failure="keep")
    world.wiring.lifecycle.fail(
        world.ingest(ingest), Failure.of_ingest("restore-overdue", "late", stage="warming")
    )
    world.cool()
    restores = CountedRestores(world, monkeypatch)
    world.wiring.lifecycle.retry(ingest, by="operator")
    world.run()
    failure = world.ingest(ingest).failure
    assert failure is not None
    assert failure.code == "too-expensive"
    assert restores.take() == []


def test_a_tier_above_the_limit_is_refused_and_nothing_is_asked_for(
    world: WarmingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.cool()
    ingest = world.bring(restore=RestoreWish(tier=Tier.BULK, max_cost_cents=1))
    restores = CountedRestores(world, monkeypatch)
    with pytest.raises(Conflict, match=r"0\.04 EUR with the 0\.01 EUR spent before"):
        world.wiring.restore_tiers.raise_tier(ingest, Tier.STANDARD, by="operator")
    world.run()
    assert restores.take() == []
    assert world.ingest(ingest).restore.tier is Tier.BULK


def test_a_dry_run_above_the_limit_would_fail(world: WarmingWorld) -> None:
    world.cool()
    wish = RestoreWish(max_cost_cents=1)
    report = world.ingest(world.bring(dry_run=True, restore=wish)).report
    assert report is not None
    assert report.would_fail
    assert report.problems == {"too-expensive": 1}


def test_the_same_objects_for_two_locations_are_restored_and_paid_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    third = Location(id="third", bucket="three", required=False)
    world = WarmingWorld(locations=(*LOCATIONS, third), restore_prices=A_CENT_EACH)
    world.cool()
    restores = CountedRestores(world, monkeypatch)
    both = ("second", "third")
    report = world.ingest(world.bring(dry_run=True, locations=both)).report
    assert report is not None
    assert report.restore_requests == FILES
    ingest = world.bring(locations=both)
    world.pass_time(hours=6)
    assert world.ingest(ingest).status is IngestStatus.SUCCEEDED
    assert len(restores.take()) == FILES


def test_a_dry_run_of_an_unchanged_source_tells_what_other_locations_lack(
    world: WarmingWorld,
) -> None:
    world.cool()
    both = ("primary", "second")
    report = world.ingest(world.bring(provider="mongodb", locations=both, dry_run=True)).report
    assert report is not None
    assert not report.unchanged
    assert (report.objects, report.restore_requests) == (FILES + 3, FILES)
