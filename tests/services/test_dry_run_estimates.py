"""Dry runs estimate what an ingest would take: of what would be copied, and of nothing else."""

from __future__ import annotations

from typing import Any

from course_backfill.estimation.estimates import Estimate
from course_backfill.estimation.estimator import Estimator
from course_backfill.locations import Location
from tests.services.memory_pipeline import COURSE, MemoryPipeline

LOCATIONS = (
    Location(bucket="estimated-primary"),
    Location(id="archive", bucket="estimated-archive", storage_class="GLACIER", required=False),
    Location(id="near", bucket="estimated-near", required=False),
)


def pipeline_with(files: int) -> MemoryPipeline:
    pipeline = MemoryPipeline(locations=LOCATIONS)
    pipeline.discover(COURSE)
    for number in range(files):
        pipeline.content.save(COURSE, f"{number}.txt", b"%5d" % number)
    return pipeline


def estimated(pipeline: MemoryPipeline, **request: Any) -> Estimate | None:
    report = pipeline.backfill(dry_run=True, **request).report
    assert report is not None
    return report.estimate


def test_a_dry_run_estimates_its_inventory_for_the_locations_asked_for() -> None:
    pipeline = pipeline_with(7)
    found = estimated(pipeline, locations=("primary", "archive"))
    assert found is not None
    assert (found.workload.courses, found.workload.objects, found.workload.bytes) == (1, 7, 35)
    estimator = Estimator(pipeline.wiring.settings)
    assert found == estimator.backfill(found.workload, ("primary", "archive"))
    assert {one.location for one in found.lines if one.is_monthly} == {"primary", "archive"}


def test_what_would_fail_is_not_estimated() -> None:
    pipeline = pipeline_with(2)
    raw = pipeline.content.save(COURSE, "broken.bin", b"content")
    pipeline.content.drop_chunk(raw, 0)
    assert estimated(pipeline) is None
    recorded = estimated(pipeline, corrupt_objects="record")
    assert recorded is not None
    assert recorded.seconds > 0


def test_a_course_without_changes_takes_nothing() -> None:
    pipeline = pipeline_with(3)
    pipeline.backfill()
    found = estimated(pipeline)
    assert found is not None
    assert (found.seconds, found.once_micros, found.lines) == (0, 0, ())


def test_between_locations_the_objects_that_are_missing_are_estimated() -> None:
    pipeline = pipeline_with(3)
    pipeline.backfill()
    found = estimated(
        pipeline, provider="amazon-s3", source="primary", locations=("archive", "near")
    )
    assert found is not None
    assert (found.workload.courses, found.workload.objects) == (1, 6)
    assert {one.location for one in found.lines if one.is_monthly} == {"archive", "near"}
    assert found.source_millis == 0


def test_what_must_be_restored_first_is_in_the_estimate() -> None:
    pipeline = pipeline_with(3)
    pipeline.backfill()
    pipeline.backfill(provider="amazon-s3", source="primary", locations=("archive",))
    found = estimated(pipeline, provider="amazon-s3", source="archive", locations=("near",))
    assert found is not None
    restores = [one for one in found.lines if one.item == "restores"]
    assert [(one.location, one.quantity) for one in restores] == [("archive", 3)]
    assert found.seconds >= 5 * 3600
