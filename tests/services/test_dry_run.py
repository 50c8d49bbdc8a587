"""A dry run reports everything that can be seen, and writes nothing else."""

from __future__ import annotations

import pytest

from course_backfill.courses import CourseId, CourseStatus
from course_backfill.ingests import IngestStatus
from tests.services.memory_pipeline import COURSE, OLD_COURSE, MemoryPipeline


@pytest.fixture
def pipeline() -> MemoryPipeline:
    pipeline = MemoryPipeline()
    pipeline.discover(COURSE, OLD_COURSE)
    pipeline.content.save(COURSE, "a.txt", b"alpha")
    return pipeline


def codes(pipeline: MemoryPipeline, ingest: str) -> set[str]:
    return {one.code for one in pipeline.failures(ingest)}


def test_it_reports_objects_bytes_kinds_and_the_largest(pipeline: MemoryPipeline) -> None:
    pipeline.content.save(COURSE, "big.bin", b"b" * 1000)
    pipeline.content.save(COURSE, "a-txt.jpg", b"th", kind="thumbnail")
    ingest = pipeline.backfill(dry_run=True)
    report = ingest.report
    assert ingest.status is IngestStatus.SUCCEEDED
    assert report is not None
    assert (report.objects, report.bytes) == (3, 1007)
    assert report.by_kind["thumbnail"] == {"objects": 1, "bytes": 2}
    assert report.largest[0].path == "assets/big.bin"
    assert not report.would_fail


def test_it_takes_no_lease_no_number_and_no_course_status(pipeline: MemoryPipeline) -> None:
    before = pipeline.wiring.courses.get(str(COURSE))
    pipeline.start(dry_run=True)
    pipeline.start()
    pipeline.run()
    course = pipeline.wiring.courses.get(str(COURSE))
    assert before.status is CourseStatus.NOT_MIGRATED
    assert (course.latest_version, course.last_version_number) == ("v1", 1)


def test_it_writes_nothing_but_its_findings(pipeline: MemoryPipeline) -> None:
    pipeline.backfill(dry_run=True, read_source=True)
    assert pipeline.stored() == []
    assert pipeline.wiring.courses.get(str(COURSE)).status is CourseStatus.NOT_MIGRATED


def test_it_points_out_every_problem_that_can_be_seen(pipeline: MemoryPipeline) -> None:
    torn = pipeline.content.save(COURSE, "torn.bin", b"x" * 300_000)
    pipeline.content.drop_chunk(torn, 1)
    pipeline.content.save(COURSE, "plain", b"p", digest=None, fields={"contentType": None})
    pipeline.content.save(COURSE, "A.TXT", b"twin")
    pipeline.content.save(COURSE, "caf\u00e9.txt", b"nfc")
    pipeline.content.save(COURSE, "cafe\u0301.txt", b"nfd")
    pipeline.content.save(COURSE, "100%.txt", b"percent")
    pipeline.content.save(COURSE, "n" * 1500, b"long")
    ingest = pipeline.backfill(dry_run=True)
    assert codes(pipeline, ingest.id) == {
        "missing-chunk",
        "no-digest",
        "no-content-type",
        "case-twins",
        "unicode-twins",
        "encoded-key",
        "hashed-key",
    }
    assert ingest.report is not None
    assert ingest.report.would_fail


def test_it_knows_which_courses_share_files(pipeline: MemoryPipeline) -> None:
    other = CourseId.parse("OldOrg/CS50/2014")
    pipeline.discover(other)
    pipeline.content.save(OLD_COURSE, "pic.png", b"p")
    ingest = pipeline.backfill(OLD_COURSE, dry_run=True)
    assert ingest.report is not None
    assert ingest.report.shared_with == (str(other),)
    assert "shared-file" in codes(pipeline, ingest.id)


@pytest.mark.parametrize("size", [8, 17 * 1024 * 1024])
def test_only_reading_the_source_finds_flipped_bits(pipeline: MemoryPipeline, size: int) -> None:
    file = pipeline.content.save(COURSE, "bad.bin", b"x" * size)
    pipeline.content.set_chunk(file, 0, b"y" * min(size, 255 * 1024))
    seen = pipeline.backfill(dry_run=True)
    read = pipeline.backfill(dry_run=True, read_source=True)
    assert codes(pipeline, seen.id) == set()
    assert codes(pipeline, read.id) == {"digest-mismatch"}
    assert read.report is not None
    assert (read.report.bytes_were_read, read.report.would_fail) == (True, True)


def test_it_says_that_nothing_would_be_done(pipeline: MemoryPipeline) -> None:
    pipeline.backfill()
    report = pipeline.backfill(dry_run=True).report
    assert report is not None
    assert report.unchanged
