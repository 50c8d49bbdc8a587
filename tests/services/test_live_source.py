"""The source is live: files are saved, locked, deleted and created while they are copied."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from course_backfill.ingests import Ingest, IngestStatus
from course_backfill.messages import Step
from tests.services.killed import Killed
from tests.services.memory_pipeline import COURSE, MemoryPipeline

MIB = 1024 * 1024
A_TXT = "asset-v1:Org1+CS101+R1+type@asset+block@a.txt"


@pytest.fixture
def pipeline() -> MemoryPipeline:
    pipeline = MemoryPipeline()
    pipeline.discover(COURSE)
    pipeline.content.save(COURSE, "a.txt", b"alpha")
    pipeline.content.save(COURSE, "b.txt", b"beta")
    return pipeline


def during(pipeline: MemoryPipeline, verb: str, edit: Callable[[], object], nth: int = 1) -> None:
    """Makes the edit when the source is asked that for the nth time."""
    seen = 0

    def on_call(called: str) -> None:
        nonlocal seen
        seen += called == verb
        if called == verb and seen == nth:
            edit()

    pipeline.wiring.source.on_call = on_call


def changes(ingest: Ingest) -> tuple[int, int, int]:
    check = ingest.source_check
    assert check is not None
    return check.added, check.changed, check.removed


@pytest.mark.parametrize("verb", ["read_batch", "current"])
def test_a_file_saved_during_the_copy_is_copied_in_one_state(
    pipeline: MemoryPipeline, verb: str
) -> None:
    during(pipeline, verb, lambda: pipeline.content.save(COURSE, "a.txt", b"ALPHA, longer"))
    ingest = pipeline.backfill()
    assert ingest.status is IngestStatus.SUCCEEDED
    assert pipeline.contents()["assets/a.txt"] == b"ALPHA, longer"
    assert changes(ingest) == (0, 0, 0)


def test_an_edit_is_never_called_corruption(pipeline: MemoryPipeline) -> None:
    large = pipeline.content.save(COURSE, "large.bin", b"1" * (20 * MIB))

    def half_saved() -> None:
        pipeline.content.drop_chunk(large, 60)

    def saved() -> None:
        pipeline.content.save(COURSE, "large.bin", b"2" * (18 * MIB))

    blocks = 0

    def on_call(verb: str) -> None:
        nonlocal blocks
        blocks += verb == "block"
        if blocks == 30:
            half_saved()
        if verb == "current" and blocks > 0:
            saved()
            pipeline.wiring.source.on_call = None

    pipeline.wiring.source.on_call = on_call
    ingest = pipeline.backfill()
    assert ingest.status is IngestStatus.SUCCEEDED
    assert pipeline.contents()["assets/large.bin"] == b"2" * (18 * MIB)


def test_a_large_file_saved_while_it_streams_is_never_mixed(pipeline: MemoryPipeline) -> None:
    pipeline.content.save(COURSE, "large.bin", b"1" * (20 * MIB))
    during(
        pipeline,
        "block",
        lambda: pipeline.content.save(COURSE, "large.bin", b"2" * (20 * MIB)),
        nth=40,
    )
    assert pipeline.backfill().status is IngestStatus.SUCCEEDED
    assert pipeline.contents()["assets/large.bin"] == b"2" * (20 * MIB)
    assert pipeline.bucket.uploads == {}


def test_a_file_deleted_during_the_copy_is_recorded_as_removed(pipeline: MemoryPipeline) -> None:
    file = pipeline.content.save(COURSE, "gone.txt", b"gone")
    during(pipeline, "current", lambda: pipeline.content.delete(file))
    ingest = pipeline.backfill()
    assert ingest.status is IngestStatus.SUCCEEDED
    assert set(pipeline.contents()) == {"assets/a.txt", "assets/b.txt"}
    assert pipeline.manifest().removed == 1
    assert changes(ingest) == (0, 0, 0)


def test_a_file_that_keeps_changing_is_given_up_with_its_reason(pipeline: MemoryPipeline) -> None:
    saves = 0

    def on_call(verb: str) -> None:
        nonlocal saves
        if verb == "current":
            saves += 1
            pipeline.content.save(COURSE, "a.txt", b"%d" % saves)

    pipeline.wiring.source.on_call = on_call
    ingest = pipeline.backfill()
    assert [one.code for one in pipeline.failures(ingest.id)] == ["keeps-changing"]


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda content: content.save(COURSE, "new.txt", b"new"), (1, 0, 0)),
        (lambda content: content.save(COURSE, "a.txt", b"alpha"), (0, 1, 0)),
        (
            lambda content: content.delete(A_TXT),
            (0, 0, 1),
        ),
    ],
    ids=["added", "saved again", "deleted"],
)
def test_what_changes_after_it_was_read_makes_the_version_stale(
    pipeline: MemoryPipeline, edit: Callable[[object], object], expected: tuple[int, int, int]
) -> None:
    ingest = pipeline.start()
    verify = pipeline.run(until=lambda message: message.step is Step.VERIFY)
    assert verify
    edit(pipeline.content)
    pipeline.deliver(verify)
    pipeline.run()
    ended = pipeline.ingest(ingest)
    assert ended.status is IngestStatus.SUCCEEDED
    assert changes(ended) == expected
    assert pipeline.wiring.courses.get(str(COURSE)).stale is True


def test_the_next_version_is_fresh_again(pipeline: MemoryPipeline) -> None:
    ingest = pipeline.start()
    verify = pipeline.run(until=lambda message: message.step is Step.VERIFY)
    assert verify
    pipeline.content.save(COURSE, "a.txt", b"ALPHA")
    pipeline.deliver(verify)
    pipeline.run()
    check = pipeline.ingest(ingest).source_check
    assert check is not None
    assert check.stale
    assert pipeline.backfill().version == "v2"
    assert pipeline.contents("v2")["assets/a.txt"] == b"ALPHA"
    assert pipeline.wiring.courses.get(str(COURSE)).stale is False


def kill_once(pipeline: MemoryPipeline, step: Step) -> None:
    """Delivers up to the step's end and loses the worker before it records anything."""
    message = pipeline.run(until=lambda message: message.step is step)
    assert message
    store = pipeline.wiring.packets
    real = store.copied

    def die(*args: object, **kwargs: object) -> bool:
        raise Killed

    store.copied = die  # type: ignore[method-assign]  # One verb, made to kill.
    with pytest.raises(Killed):
        pipeline.deliver(message)
    store.copied = real  # type: ignore[method-assign]  # As it was.
    pipeline.wiring.clock.advance(seconds=60)
    pipeline.wiring.messages.waiting.appendleft(message)


def test_a_worker_killed_before_it_recorded_anything_is_replaced(pipeline: MemoryPipeline) -> None:
    ingest = pipeline.start()
    kill_once(pipeline, Step.REPLICATE)
    pipeline.run()
    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
    assert pipeline.contents() == {"assets/a.txt": b"alpha", "assets/b.txt": b"beta"}


def test_a_file_saved_between_two_attempts_keeps_the_copied_state(pipeline: MemoryPipeline) -> None:
    ingest = pipeline.start()
    kill_once(pipeline, Step.REPLICATE)
    pipeline.content.save(COURSE, "a.txt", b"ALPHA")
    pipeline.run()
    ended = pipeline.ingest(ingest)
    assert ended.status is IngestStatus.SUCCEEDED
    assert pipeline.contents()["assets/a.txt"] == b"alpha"
    assert changes(ended) == (0, 1, 0)


def test_a_file_deleted_between_two_attempts_keeps_the_copied_state(
    pipeline: MemoryPipeline,
) -> None:
    ingest = pipeline.start()
    kill_once(pipeline, Step.REPLICATE)
    pipeline.content.delete(A_TXT)
    pipeline.run()
    ended = pipeline.ingest(ingest)
    assert ended.status is IngestStatus.SUCCEEDED
    assert pipeline.contents()["assets/a.txt"] == b"alpha"
    assert changes(ended) == (0, 0, 1)
