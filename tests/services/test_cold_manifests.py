"""Manifest files that somebody archived: read elsewhere, or refused at once with what to do."""

from __future__ import annotations

from typing import Any

import pytest

from course_backfill.failures import ADVICE
from course_backfill.ingests import Ingest, IngestStatus
from course_backfill.manifests import MANIFEST_FILES
from tests.services.audit_world import AUDIT
from tests.services.memory_pipeline import COURSE
from tests.services.warming_world import FILES, WarmingWorld


@pytest.fixture
def world() -> WarmingWorld:
    """A course in both locations."""
    world = WarmingWorld()
    assert world.ingest(world.bring()).status is IngestStatus.SUCCEEDED
    return world


def cool_manifests(world: WarmingWorld, location: str) -> None:
    for name in MANIFEST_FILES:
        world.wiring.buckets[location].archive(f"{world.prefix('v1')}{name}", "GLACIER")


def warm(world: WarmingWorld, location: str, **request: Any) -> str:
    return world.ask(ingest_type="warm-course", locations=(location,), **request)


def require_told(world: WarmingWorld, ingest: Ingest) -> None:
    assert ingest.status is IngestStatus.FAILED
    assert ingest.failure is not None
    assert ingest.failure.code == "manifest-cold"
    assert "entries.jsonl" in ingest.failure.detail
    assert ingest.failure.action == ADVICE["manifest-cold"]
    assert world.wiring.courses.get(str(COURSE)).active_ingest is None


@pytest.mark.parametrize("location", ["primary", "second"])
def test_a_warming_reads_the_manifest_elsewhere_and_restores_the_manifest_files_too(
    world: WarmingWorld, location: str
) -> None:
    bucket = world.wiring.buckets[location]
    world.cool(bucket=bucket)
    cool_manifests(world, location)
    ingest = warm(world, location)
    world.pass_time(hours=6)
    ended = world.ingest(ingest)
    assert ended.status is IngestStatus.SUCCEEDED
    assert ended.warming is not None
    assert ended.warming.objects == FILES + len(MANIFEST_FILES)
    assert not [key for key in bucket.versions if bucket.is_cold(key)]
    # Now they can be read there: nothing else is needed.
    cool_manifests(world, "second" if location == "primary" else "primary")
    again = world.ingest(warm(world, location))
    assert again.status is IngestStatus.SUCCEEDED


def test_a_dry_run_of_a_warming_counts_the_manifest_files_with_the_rest(
    world: WarmingWorld,
) -> None:
    cool_manifests(world, "second")
    report = world.ingest(warm(world, "second", dry_run=True)).report
    assert report is not None
    assert (report.objects, report.would_fail) == (len(MANIFEST_FILES), False)


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_warming_whose_manifest_is_cold_everywhere_fails_at_once_with_what_to_do(
    world: WarmingWorld, dry_run: bool
) -> None:
    for location in ("primary", "second"):
        cool_manifests(world, location)
    require_told(world, world.ingest(warm(world, "second", dry_run=dry_run)))


def test_a_warming_without_any_true_manifest_is_not_told_that_one_is_cold(
    world: WarmingWorld,
) -> None:
    for location in ("primary", "second"):
        world.wiring.buckets[location].store(f"{world.prefix('v1')}entries.jsonl", b"")
    failure = world.ingest(warm(world, "second")).failure
    assert failure is not None
    assert failure.code == "manifest-damaged"


def test_copying_from_a_location_with_a_cold_manifest_fails_at_once_with_what_to_do() -> None:
    world = WarmingWorld()
    cool_manifests(world, "primary")
    require_told(world, world.ingest(world.bring()))


def test_a_dry_run_of_copying_says_that_a_cold_manifest_would_fail_it() -> None:
    world = WarmingWorld()
    cool_manifests(world, "primary")
    report = world.ingest(world.bring(dry_run=True)).report
    assert report is not None
    assert (report.would_fail, report.problems) == (True, {"manifest-cold": 1})


def test_an_audit_reads_the_manifest_where_it_can_be_read(world: WarmingWorld) -> None:
    cool_manifests(world, "primary")
    world.bucket.mark_deleted(f"{world.prefix('v1')}assets/file-00000.txt")
    audit = world.ask(**AUDIT)
    assert world.ingest(audit).status is IngestStatus.SUCCEEDED
    found = [(one.replica, one.code) for one in world.failures(audit)]
    assert found == [("primary", "object-missing")]


def test_an_audit_whose_entries_are_cold_everywhere_fails_and_finds_nothing_right(
    world: WarmingWorld,
) -> None:
    for location in ("primary", "second"):
        cool_manifests(world, location)
    require_told(world, world.ingest(world.ask(**AUDIT)))
    replicas = world.wiring.courses.get(str(COURSE)).replicas
    assert [one.audited_date for one in replicas.values()] == [None, None]
