"""Files that change their size class while they are copied: small to large, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest

from course_backfill.ingests import IngestStatus
from course_backfill.inventory import SourceObject
from course_backfill.ports import ReadObject
from course_backfill.source_reading import BATCH_BYTES
from tests.services.memory_pipeline import COURSE, MemoryPipeline

SMALL = b"small"
LARGE = b"2" * (BATCH_BYTES + 1)


@pytest.fixture
def pipeline() -> MemoryPipeline:
    pipeline = MemoryPipeline()
    pipeline.discover(COURSE)
    return pipeline


@pytest.fixture
def read_at_once(pipeline: MemoryPipeline, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the objects that were read into memory whole."""
    sizes: list[int] = []
    source = pipeline.wiring.source
    truth = source.read_batch

    def recorded(objects: Sequence[SourceObject]) -> Iterator[ReadObject]:
        sizes.extend(found.size for found in objects)
        return truth(objects)

    monkeypatch.setattr(source, "read_batch", recorded)
    return sizes


def once(pipeline: MemoryPipeline, verb: str, edit: Callable[[], object]) -> None:
    """Makes the edit when the source is first asked that."""

    def on_call(called: str) -> None:
        if called == verb:
            pipeline.wiring.source.on_call = None
            edit()

    pipeline.wiring.source.on_call = on_call


def test_a_small_file_that_grows_is_streamed(
    pipeline: MemoryPipeline, read_at_once: list[int]
) -> None:
    pipeline.content.save(COURSE, "a.bin", SMALL)
    pipeline.content.save(COURSE, "b.bin", SMALL)
    once(pipeline, "read_batch", lambda: pipeline.content.save(COURSE, "a.bin", LARGE))

    ended = pipeline.backfill()

    assert ended.status is IngestStatus.SUCCEEDED
    assert pipeline.contents() == {"assets/a.bin": LARGE, "assets/b.bin": SMALL}
    assert max(read_at_once) == len(SMALL)


@pytest.mark.parametrize("content", [SMALL, b""], ids=["small", "empty"])
def test_a_large_file_that_shrinks_is_copied_in_its_new_state(
    pipeline: MemoryPipeline, content: bytes
) -> None:
    pipeline.content.save(COURSE, "a.bin", LARGE)
    once(pipeline, "block", lambda: pipeline.content.save(COURSE, "a.bin", content))

    ended = pipeline.backfill()

    assert ended.status is IngestStatus.SUCCEEDED
    assert pipeline.contents() == {"assets/a.bin": content}
    assert pipeline.bucket.uploads == {}


def test_a_dry_run_streams_what_has_grown(
    pipeline: MemoryPipeline, read_at_once: list[int]
) -> None:
    pipeline.content.save(COURSE, "a.bin", SMALL)

    def grow() -> None:
        raw_id = pipeline.content.save(COURSE, "a.bin", LARGE)
        pipeline.content.set_chunk(raw_id, 0, b"3" * len(pipeline.content.file(raw_id).chunks[0]))

    once(pipeline, "read_batch", grow)

    ended = pipeline.backfill(dry_run=True, read_source=True)

    [failure] = [one for one in pipeline.failures(ended.id) if one.code == "digest-mismatch"]
    assert failure.path == "assets/a.bin"
    assert max(read_at_once) == len(SMALL)
