"""Content that is hostile or damaged goes through the whole pipeline: kept apart, or named."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from course_backfill.adapters.contentstore.ids import RawId
from course_backfill.adapters.memory_contentstore import MemoryContentstore
from course_backfill.courses import CourseId, CourseStatus
from course_backfill.ingests import IngestStatus
from tests.services.memory_pipeline import COURSE, OLD_COURSE, MemoryPipeline

NAMES = [
    "../../../etc/passwd",
    "..",
    ".",
    "a/./b/../c.txt",
    "/absolute.txt",
    "ends-in-a-slash/",
    "two//slashes.txt",
    "line\nbreak\x00and\x1bescape",
    "back\\slash",
    "caf\u00e9.txt",
    "cafe\u0301.txt",
    "Notes.txt",
    "notes.txt",
    "_long/0000",
    "_leading",
    "%5Fleading",
    "100%",
    "n" * 1_500,
    "n" * 1_499 + "m",
    "\u0436" * 750,
    "entries.jsonl",
    "\u202egpj.exe",
    " ",
]

CHUNK = 255 * 1024


@pytest.mark.parametrize("course", [COURSE, OLD_COURSE], ids=["split", "old"])
def test_hostile_names_arrive_each_with_its_own_bytes(course: CourseId) -> None:
    pipeline = MemoryPipeline()
    pipeline.discover(course)
    for number, name in enumerate(NAMES):
        pipeline.content.save(course, name, b"%d" % number)
    ingest = pipeline.backfill(course)

    assert ingest.status is IngestStatus.SUCCEEDED
    contents = pipeline.contents("v1", course)
    assert contents == {f"assets/{name}": b"%d" % number for number, name in enumerate(NAMES)}
    prefix = pipeline.prefix("v1", course)
    keys = pipeline.stored()
    assert len(keys) == len(NAMES) + 3
    assert all(key.startswith(prefix) and len(key.encode()) <= 1_024 for key in keys)


def test_a_file_without_digest_type_or_bytes_is_copied() -> None:
    pipeline = MemoryPipeline()
    pipeline.discover(COURSE)
    pipeline.content.save(COURSE, "plain", b"", digest=None, fields={"contentType": None})
    assert pipeline.backfill().status is IngestStatus.SUCCEEDED
    [entry] = pipeline.entries()
    assert (entry.source.size, entry.source.content_type) == (0, None)
    stored = pipeline.bucket.latest(pipeline.prefix("v1") + "assets/plain")
    assert stored is not None
    assert stored.content_type == "application/octet-stream"


def _missing(content: MemoryContentstore, file: RawId) -> None:
    content.drop_chunk(file, 1)


def _truncated(content: MemoryContentstore, file: RawId) -> None:
    content.set_chunk(file, 1, b"x")


def _overlong(content: MemoryContentstore, file: RawId) -> None:
    content.set_chunk(file, 1, b"x" * (CHUNK + 1))


def _surplus(content: MemoryContentstore, file: RawId) -> None:
    content.set_chunk(file, 3, b"x")


def _flipped(content: MemoryContentstore, file: RawId) -> None:
    content.set_chunk(file, 1, b"y" * CHUNK)


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (_missing, "missing-chunk"),
        (_truncated, "truncated-chunk"),
        (_overlong, "overlong-chunk"),
        (_surplus, "surplus-chunk"),
        (_flipped, "digest-mismatch"),
    ],
)
def test_damage_of_every_kind_is_named_and_nothing_stays(
    damage: Callable[[MemoryContentstore, RawId], None], code: str
) -> None:
    pipeline = MemoryPipeline(is_versioned=True)
    pipeline.discover(COURSE)
    pipeline.content.save(COURSE, "good.txt", b"good")
    damage(pipeline.content, pipeline.content.save(COURSE, "bad.bin", b"x" * (2 * CHUNK + 10)))

    ingest = pipeline.backfill()

    assert ingest.status is IngestStatus.FAILED
    [failure] = pipeline.failures(ingest.id)
    assert (failure.code, failure.path) == (code, "assets/bad.bin")
    assert failure.action
    assert pipeline.bucket.versions == {}
    assert pipeline.bucket.uploads == {}
    assert pipeline.wiring.courses.get(str(COURSE)).status is CourseStatus.FAILED
