"""Runs that have to stop before they are done: what they did stays, and another one goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_backfill.adapters.lambda_batch import Handles
from course_backfill.adapters.memory_objects import MemoryObjectEraser
from course_backfill.audits import AuditWish
from course_backfill.errors import OutOfTime
from course_backfill.ingest_step import MOST_LATE_RUNS
from course_backfill.ingests import Ingest, IngestStatus, Stage
from course_backfill.messages import Step, StepMessage
from course_backfill.run_time import MARGIN_SECONDS, limited
from course_backfill.uploads import PART_BYTES
from services.replicator import packet_copier
from tests.services.audit_world import AUDIT, AuditWorld
from tests.services.memory_pipeline import COURSE, MemoryPipeline

FILES = 12
LARGE = b"".join(number.to_bytes(4, "big") for number in range(PART_BYTES // 4 + 1))
LOCATIONS = [
    {"id": "primary", "bucket": "one"},
    {"id": "second", "bucket": "two", "endpointUrl": "http://elsewhere.example.org"},
]


class Ticking:
    """A clock of which every look takes a second: a run's time is the looks that it may take."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        self.seconds += 1
        return self.seconds


class Hurried(MemoryPipeline):
    """A pipeline whose runs have so many looks at the clock, one number after the other."""

    def __init__(self, *looks: float, **options: Any) -> None:
        super().__init__(**options)
        self.looks = list(looks)
        self.runs: list[StepMessage] = []
        hurry(self, self.looks)

    def step(self, service: str) -> Handles:
        return Noting(super().step(service), self.runs)

    def runs_of(self, step: Step) -> int:
        return sum(one.step is step for one in self.runs)

    def waits(self, ingest: str) -> list[str]:
        events = self.wiring.ingests.events(ingest)
        return [one.description for one in events if one.outcome == "waiting"]


@dataclass
class Noting:
    """A step that notes its runs."""

    step: Handles
    runs: list[StepMessage]

    def handle(self, message: StepMessage) -> None:
        self.runs.append(message)
        self.step.handle(message)


def hurry(pipeline: MemoryPipeline, looks: list[float]) -> None:
    """From now on each run has as many looks as the next number says; those after them, any."""
    deliver = pipeline.deliver

    def hurried(message: StepMessage) -> None:
        if looks:
            with limited(MARGIN_SECONDS + looks.pop(0), now=Ticking()):
                deliver(message)
        else:
            deliver(message)

    pipeline.deliver = hurried  # type: ignore[method-assign] # So that `run` takes it.


def finished(pipeline: MemoryPipeline, **request: Any) -> Ingest:
    """An ingest until it has ended, whatever waits for a while."""
    ingest = pipeline.start(**request)
    for _ in range(200):
        pipeline.run()
        if pipeline.ingest(ingest).status.is_end:
            break
        pipeline.wiring.clock.advance(minutes=21)
        pipeline.sweep()
    return pipeline.ingest(ingest)


def filled(pipeline: Hurried) -> Hurried:
    # The discovery has all the time it wants: its late runs have tests of their own.
    looks = pipeline.looks.copy()
    pipeline.looks.clear()
    pipeline.discover(COURSE)
    pipeline.looks[:] = looks
    for number in range(FILES):
        pipeline.content.save(COURSE, f"{number:02}.txt", b"x" * (number + 1))
    pipeline.content.save(COURSE, "large.bin", LARGE)
    return pipeline


def stored(pipeline: MemoryPipeline) -> dict[str, dict[str, bytes]]:
    """Everything that is in the locations, but for what an ingest writes of itself."""
    found: dict[str, dict[str, bytes]] = {}
    for name, location in pipeline.wiring.locations.items():
        reader = pipeline.wiring.reader(location)
        keys = [stat.key for stat in reader.list("")]
        found[name] = {key: b"".join(reader.read(key)) for key in keys}
    return found


@pytest.fixture(scope="module")
def unhurried() -> dict[str, dict[str, bytes]]:
    pipeline = filled(Hurried(locations=LOCATIONS))
    assert finished(pipeline).status is IngestStatus.SUCCEEDED
    return stored(pipeline)


@given(looks=st.lists(st.integers(0, 30), max_size=MOST_LATE_RUNS - 1))
@settings(deadline=None, max_examples=25)
def test_whatever_time_runs_have_all_ends_as_if_they_had_any(
    unhurried: dict[str, dict[str, bytes]], looks: list[int]
) -> None:
    pipeline = filled(Hurried(*looks, locations=LOCATIONS))
    ended = finished(pipeline)
    assert ended.status is IngestStatus.SUCCEEDED
    assert stored(pipeline) == unhurried
    replicas = pipeline.wiring.packets.replicas(ended.id)
    assert all(one.objects_done == one.objects_verified == one.objects for one in replicas)


@given(looks=st.lists(st.integers(0, 12), max_size=MOST_LATE_RUNS - 1))
@settings(deadline=None, max_examples=25)
def test_audits_find_and_repairs_mend_the_same_whatever_time_runs_have(looks: list[int]) -> None:
    world = AuditWorld()
    before = {name: world.objects(name) for name in ("primary", "second")}
    world.alter("assets/3.txt")
    world.remove("assets/5.txt", location="second")
    hurry(world.pipeline, list(looks))
    audit = finished(world.pipeline, **AUDIT, audit=AuditWish(method="bytes"))
    assert audit.status is IngestStatus.SUCCEEDED
    assert world.found(audit) == {
        ("primary", "3.txt", "fixity-mismatch"),
        ("second", "5.txt", "object-missing"),
    }
    hurry(world.pipeline, list(looks))
    repaired = finished(world.pipeline, locations=("primary", "second"))
    assert repaired.status is IngestStatus.SUCCEEDED
    assert {name: world.objects(name) for name in ("primary", "second")} == before


def test_a_packet_goes_on_at_once_and_keeps_what_it_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packet_copier, "batches", lambda objects: [[one] for one in objects])
    pipeline = filled(Hurried())
    ingest = pipeline.start()
    message = pipeline.run(until=lambda one: one.step is Step.REPLICATE)
    assert message
    pipeline.looks[:] = [8.5]
    pipeline.deliver(message)
    kept = [stat.key for stat in pipeline.wiring.reader(pipeline.wiring.primary).list("")]
    assert 0 < len(kept) < FILES
    assert list(pipeline.wiring.messages.waiting) == [message]
    packet = pipeline.wiring.packets.get(ingest, "primary", 0)
    assert (packet.copied, packet.claimed_until) == (None, None)
    assert pipeline.waits(ingest) == ["Waiting: replicate of packet 0: not done in a run of 38 s"]
    pipeline.run()
    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
    assert pipeline.runs_of(Step.REPLICATE) == 2


def test_a_large_object_goes_on_with_the_parts_that_were_sent() -> None:
    pipeline = Hurried()
    pipeline.discover(COURSE)
    pipeline.content.save(COURSE, "large.bin", LARGE)
    ingest = pipeline.start()
    message = pipeline.run(until=lambda one: one.step is Step.REPLICATE)
    assert message
    pipeline.looks[:] = [2.5]
    pipeline.deliver(message)
    key = pipeline.prefix("v1") + "assets/large.bin"
    writer = pipeline.wiring.writer(pipeline.wiring.primary)
    _, parts = writer.open_upload(key, content_type="application/octet-stream")
    assert parts
    pipeline.run()
    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED
    assert pipeline.read(key) == LARGE


@pytest.mark.parametrize(
    ("step", "stage"),
    [
        (Step.PLAN, Stage.PLANNING),
        (Step.REPLICATE, Stage.REPLICATING),
        (Step.VERIFY, Stage.VERIFYING),
        (Step.AGGREGATE, Stage.AGGREGATING),
    ],
)
def test_what_no_run_has_time_enough_for_fails_with_what_to_do(step: Step, stage: Stage) -> None:
    pipeline = filled(Hurried())
    ingest = pipeline.start(on_failure="keep")
    runs = 0
    while not pipeline.ingest(ingest).status.is_end:
        message = pipeline.run(until=lambda one: one.step is step)
        if message is None:
            pipeline.wiring.clock.advance(minutes=21)
            pipeline.sweep()
            continue
        runs += 1
        assert runs <= MOST_LATE_RUNS
        pipeline.looks[:] = [0]
        pipeline.deliver(message)
    assert runs == MOST_LATE_RUNS
    failure = pipeline.ingest(ingest).failure
    assert failure
    assert (failure.code, failure.stage) == ("out-of-time", stage.value)
    assert failure.detail.endswith(f"not done in a run of 30 s, {MOST_LATE_RUNS} times")
    assert "course-backfill work" in failure.action


def test_a_retry_of_what_had_too_little_time_has_all_its_runs_again() -> None:
    pipeline = filled(Hurried(*[0] * 50))
    ingest = finished(pipeline, on_failure="keep")
    assert ingest.failure
    assert ingest.failure.code == "out-of-time"
    pipeline.looks[:] = [0]
    pipeline.wiring.lifecycle.retry(ingest.id, by="operator")
    while not pipeline.ingest(ingest.id).status.is_end:
        pipeline.run()
        pipeline.wiring.clock.advance(minutes=21)
        pipeline.sweep()
    assert pipeline.ingest(ingest.id).status is IngestStatus.SUCCEEDED


def test_a_message_that_was_lost_after_a_late_run_is_sent_again() -> None:
    pipeline = filled(Hurried())
    ingest = pipeline.start()
    message = pipeline.run(until=lambda one: one.step is Step.REPLICATE)
    assert message
    pipeline.looks[:] = [0]
    pipeline.deliver(message)
    pipeline.wiring.messages.waiting.clear()
    pipeline.wiring.clock.advance(minutes=21)
    pipeline.sweep()
    pipeline.run()
    assert pipeline.ingest(ingest).status is IngestStatus.SUCCEEDED


def test_late_runs_are_counted_across_an_outage_in_between() -> None:
    pipeline = filled(Hurried())
    ingest = pipeline.start(on_failure="keep")
    message = pipeline.run(until=lambda one: one.step is Step.REPLICATE)
    assert message
    for _ in range(MOST_LATE_RUNS - 1):
        pipeline.looks[:] = [0]
        pipeline.deliver(message)
    pipeline.wiring.source.fail_next(1)
    pipeline.deliver(message)
    assert "MongoDB" in pipeline.waits(ingest)[-1]
    assert not pipeline.ingest(ingest).status.is_end
    pipeline.looks[:] = [0]
    pipeline.deliver(message)
    failure = pipeline.ingest(ingest).failure
    assert failure
    assert failure.code == "out-of-time"


def test_a_rollback_has_as_many_late_runs_as_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = filled(Hurried())
    ingest = pipeline.start()
    assert pipeline.run(until=lambda one: one.step is Step.VERIFY)
    pipeline.wiring.lifecycle.cancel(ingest, by="operator")
    erase, late_runs = MemoryObjectEraser.erase, iter(range(MOST_LATE_RUNS + 2))

    def erase_slowly(eraser: MemoryObjectEraser, prefix: str) -> int:
        if next(late_runs, None) is not None:
            raise OutOfTime("not done in a run of 300 s")
        return erase(eraser, prefix)

    monkeypatch.setattr(MemoryObjectEraser, "erase", erase_slowly)
    while not pipeline.ingest(ingest).status.is_end:
        pipeline.run()
        pipeline.wiring.clock.advance(minutes=21)
        pipeline.sweep()
    assert pipeline.runs_of(Step.ROLL_BACK) > MOST_LATE_RUNS + 2
    assert pipeline.ingest(ingest).status is IngestStatus.CANCELLED
    assert not [key for key in pipeline.bucket.versions if "/assets/" in key]
