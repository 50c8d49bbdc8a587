"""One course, from the request to the registered version."""

from __future__ import annotations

from hashlib import sha256

from course_backfill.courses import CourseStatus
from course_backfill.ingests import IngestStatus
from tests.services.memory_pipeline import COURSE, OLD_COURSE, MemoryPipeline

LARGE = bytes(range(256)) * (20 * 1024 * 1024 // 256)


def test_a_course_is_copied_verified_and_registered() -> None:
    pipeline = MemoryPipeline()
    pipeline.discover(COURSE)
    pipeline.content.save(COURSE, "a.txt", b"alpha", fields={"locked": True})
    pipeline.content.save(COURSE, "empty.txt", b"")
    pipeline.content.save(COURSE, "large.mp4", LARGE)
    pipeline.content.save(COURSE, "a-txt.jpg", b"thumb", kind="thumbnail")

    ingest = pipeline.backfill()

    assert ingest.failure is None
    assert ingest.status is IngestStatus.SUCCEEDED
    assert pipeline.contents() == {
        "assets/a.txt": b"alpha",
        "assets/empty.txt": b"",
        "assets/large.mp4": LARGE,
        "thumbnails/a-txt.jpg": b"thumb",
    }
    by_path = {entry.path: entry for entry in pipeline.entries()}
    assert by_path["assets/large.mp4"].sha256 == sha256(LARGE).hexdigest()
    assert by_path["assets/a.txt"].source.metadata["locked"] is True
    course = pipeline.wiring.courses.get(str(COURSE))
    assert (course.status, course.latest_version) == (CourseStatus.MIGRATED, "v1")
    assert course.active_ingest is None
    assert course.stale is False


def test_a_course_without_files_gets_an_empty_version() -> None:
    pipeline = MemoryPipeline()
    pipeline.discover(OLD_COURSE)
    assert pipeline.backfill(OLD_COURSE).status is IngestStatus.SUCCEEDED
    assert pipeline.entries("v1", OLD_COURSE) == []
    assert pipeline.wiring.courses.get(str(OLD_COURSE)).status is CourseStatus.MIGRATED


def test_an_unchanged_course_has_nothing_to_do() -> None:
    pipeline = MemoryPipeline()
    pipeline.discover(COURSE)
    pipeline.content.save(COURSE, "a.txt", b"alpha")
    pipeline.backfill()
    before = pipeline.stored()
    again = pipeline.backfill()
    assert (again.status, again.version) == (IngestStatus.SUCCEEDED, None)
    assert pipeline.stored() == before
    course = pipeline.wiring.courses.get(str(COURSE))
    assert (course.latest_version, course.last_version_number) == ("v1", 1)


def test_a_changed_course_gets_the_next_version() -> None:
    pipeline = MemoryPipeline()
    pipeline.discover(COURSE)
    file = pipeline.content.save(COURSE, "a.txt", b"alpha")
    pipeline.backfill()
    pipeline.content.change(file, locked=True)
    assert pipeline.backfill().version == "v2"
    assert pipeline.manifest("v2").previous_version == "v1"
