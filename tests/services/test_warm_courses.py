"""Warming a course for its own sake: a version of it can be read, and it says until when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from course_backfill.clock import from_text
from course_backfill.cold.warming import RestoreWish
from course_backfill.courses import CourseStatus
from course_backfill.errors import Conflict
from course_backfill.ingests import Ingest, IngestStatus, Stage
from tests.services.memory_pipeline import COURSE
from tests.services.warming_world import FILES, CountedRestores, WarmingWorld


@pytest.fixture
def world() -> WarmingWorld:
    return WarmingWorld()


def warm(world: WarmingWorld, days: int = 7, **request: Any) -> str:
    return world.ask(ingest_type="warm-course", restore=RestoreWish(days=days), **request)


def end(world: WarmingWorld, ingest: str) -> Ingest:
    world.pass_time(hours=6)
    return world.ingest(ingest)


def test_it_restores_the_latest_version_and_says_until_when(world: WarmingWorld) -> None:
    keys = world.cool()
    ended = end(world, warm(world))
    assert ended.status is IngestStatus.SUCCEEDED
    assert all(world.read(key).startswith(b"content of") for key in keys)
    assert ended.warming is not None
    until = ended.warming.readable_until
    assert until is not None
    assert from_text(until) - world.wiring.clock.now > timedelta(days=6.5)
    said = world.wiring.ingests.events(ended.id)[-1].description
    assert said == f"All {FILES} cold object(s) can be read until {until}"


def test_what_only_earlier_versions_need_stays_cold(world: WarmingWorld) -> None:
    world.content.save(COURSE, "new.txt", b"content of the new one")
    world.backfill()
    keys = world.cool()
    end(world, warm(world))
    needed = {one.version + "/" + one.key for one in world.entries("v2")}
    for key in keys:
        found = world.bucket.stat(key)
        assert found is not None
        is_needed = key.removeprefix(f"courses/{COURSE}/") in needed
        assert (found.restore is not None) == is_needed


def two_versions(world: WarmingWorld) -> dict[str, set[str]]:
    """Saves one of the files anew, and adds one; what each version needs of the cooled objects."""
    world.content.save(COURSE, "file-00000.txt", b"content of another")
    world.content.save(COURSE, "new.txt", b"content of the new one")
    world.backfill()
    world.cool()
    return {
        version: {f"courses/{COURSE}/{one.version}/{one.key}" for one in world.entries(version)}
        for version in ("v1", "v2")
    }


def restored(world: WarmingWorld) -> set[str]:
    found = map(world.bucket.stat, world.bucket.versions)
    return {one.key for one in found if one and one.restore}


def test_an_older_version_is_restored_when_it_is_asked_for_and_nothing_else(
    world: WarmingWorld,
) -> None:
    needed = two_versions(world)
    assert needed["v1"] - needed["v2"]
    assert needed["v2"] - needed["v1"]
    ended = end(world, warm(world, wished_version="v1"))
    assert ended.status is IngestStatus.SUCCEEDED
    assert restored(world) == needed["v1"]
    (replica,) = world.wiring.packets.replicas(ended.id)
    assert replica.versions == ("v1",)


def test_a_dry_run_of_an_older_version_counts_its_objects_alone(world: WarmingWorld) -> None:
    needed = two_versions(world)
    for version, objects in {"v1": FILES, "v2": FILES + 1}.items():
        report = world.ingest(warm(world, wished_version=version, dry_run=True)).report
        assert report is not None
        assert (report.objects, report.restore_requests) == (objects, len(needed[version]))
    assert restored(world) == set()


def test_an_older_version_that_would_cost_more_than_allowed_is_not_restored(
    world: WarmingWorld,
) -> None:
    two_versions(world)
    free = RestoreWish(max_cost_cents=0)
    ended = world.ingest(world.ask(ingest_type="warm-course", wished_version="v1", restore=free))
    assert ended.failure is not None
    assert ended.failure.code == "too-expensive"
    assert restored(world) == set()


def test_a_location_without_the_older_version_is_refused_by_its_name(world: WarmingWorld) -> None:
    two_versions(world)
    refused = world.ingest(warm(world, wished_version="v1", locations=("second",))).failure
    assert refused is not None
    assert (refused.code, refused.detail) == ("source-incomplete", "location second has no v1")


def test_it_takes_the_course_and_leaves_it_as_it_was(world: WarmingWorld) -> None:
    world.cool()
    before = world.wiring.courses.get(str(COURSE))
    ingest = warm(world)
    with pytest.raises(Conflict, match="busy"):
        warm(world)
    assert world.ingest(ingest).stage is Stage.WARMING
    end(world, ingest)
    after = world.wiring.courses.get(str(COURSE))
    assert (after.active_ingest, after.status) == (None, CourseStatus.MIGRATED)
    assert (after.latest_version, after.versions) == (before.latest_version, before.versions)


def test_what_is_restored_for_less_time_lasts_as_long_as_asked(
    world: WarmingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.cool()
    end(world, warm(world, days=1))
    restores = CountedRestores(world, monkeypatch)
    ended = world.ingest(warm(world, days=30))
    assert ended.status is IngestStatus.SUCCEEDED
    assert len(restores.take()) <= 2 * FILES
    assert ended.warming is not None
    lasts = from_text(ended.warming.readable_until or "") - world.wiring.clock.now
    assert lasts >= timedelta(days=29.9)


def test_nothing_cold_is_a_success_at_once(world: WarmingWorld) -> None:
    ended = world.ingest(warm(world))
    assert ended.status is IngestStatus.SUCCEEDED
    assert world.wiring.ingests.events(ended.id)[-1].description == "Nothing is cold"


def test_a_location_without_the_version_is_refused(world: WarmingWorld) -> None:
    failure = world.ingest(warm(world, locations=("second",))).failure
    assert failure is not None
    assert failure.code == "source-incomplete"


def test_it_is_cancelled_like_any_ingest(world: WarmingWorld) -> None:
    world.cool()
    ingest = warm(world)
    world.wiring.lifecycle.cancel(ingest, by="operator")
    assert end(world, ingest).status is IngestStatus.CANCELLED
    assert world.wiring.courses.get(str(COURSE)).active_ingest is None


def test_repeated_messages_change_nothing(world: WarmingWorld) -> None:
    world.cool()
    ingest = world.ask(run=False, ingest_type="warm-course")
    world.run_shuffled(seed=7)
    assert end(world, ingest).status is IngestStatus.SUCCEEDED


def test_a_dry_run_reports_and_restores_nothing(
    world: WarmingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.cool("DEEP_ARCHIVE")
    restores = CountedRestores(world, monkeypatch)
    report = world.ingest(warm(world, dry_run=True)).report
    assert report is not None
    assert (report.objects, report.restore_requests) == (FILES, FILES)
    assert report.by_storage_class["DEEP_ARCHIVE"].objects == FILES
    assert restores.take() == []
    assert world.wiring.courses.get(str(COURSE)).active_ingest is None


def test_its_replicas_are_warming_until_they_can_be_read(world: WarmingWorld) -> None:
    world.cool()
    ingest = warm(world)
    assert [one.status.value for one in world.wiring.packets.replicas(ingest)] == ["warming"]
    end(world, ingest)
    assert [one.status.value for one in world.wiring.packets.replicas(ingest)] == ["readable"]
