"""Domain events: which ends are announced, what is told of them, and what a failing bus does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_backfill.adapters.memory_callbacks import MemoryCallbackSender
from course_backfill.adapters.memory_event_bus import MemoryEventBus
from course_backfill.callbacks import CallbackRules
from course_backfill.domain_events import CourseVersionRegistered, DomainEvent, IngestFailed
from course_backfill.errors import EventsRefused, EventsUnavailable
from course_backfill.ingests import IngestStatus
from course_backfill.messages import Step, StepMessage
from course_backfill.notifications import Callback, CallbackStatus
from course_backfill.ports import Write
from course_backfill.stores.timers import due_timers
from services.notifier.handler import build_step
from tests.services.killed import Killed
from tests.services.memory_pipeline import COURSE, MemoryPipeline

FILE = "a canary.pdf"
URL = "https://lms.example.org/hook?key=secret-of-the-url"


class Announced(MemoryPipeline):
    """A pipeline with a bus, a course, and a receiver of callbacks."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**({"event_bus": "edx-events", "callback_secret": "x" * 16} | options))
        self.bus = self.wiring.bus or MemoryEventBus()
        self.called = MemoryCallbackSender(
            CallbackRules(),
            addresses={"lms.example.org": ["8.8.8.8"]},
            receivers={"lms.example.org": lambda _: 200},
        )
        self.use_notifier()
        self.discover(COURSE)
        self.file = self.content.save(COURSE, FILE, b"alpha")

    def use_notifier(self) -> None:
        self._steps["notifier"] = build_step(self.wiring, self.called)

    def damage(self) -> None:
        self.content.drop_chunk(self.file, 0)

    def mend(self) -> None:
        self.content.save(COURSE, FILE, b"alpha")

    def later(self, **time: float) -> None:
        self.wiring.clock.advance(**time)
        self.sweep()
        self.run()

    def timers(self) -> list[str]:
        later = self.wiring.clock.now + timedelta(days=365)
        return [timer.kind.value for timer in due_timers(self.wiring.state, later)]

    def told(self, ingest: str) -> list[tuple[str, str]]:
        events = self.wiring.ingests.events(ingest)
        return [(one.outcome, one.description) for one in events if one.step == "announce"]

    @property
    def only(self) -> DomainEvent:
        [event] = self.bus.published
        return event


def test_a_registered_version_is_announced_as_it_was_registered() -> None:
    pipeline = Announced()
    ingest = pipeline.backfill()
    [version] = pipeline.wiring.courses.versions(str(COURSE))
    event = pipeline.only
    assert isinstance(event, CourseVersionRegistered)
    assert (event.course, event.version, event.ingest) == (str(COURSE), "v1", ingest.id)
    assert (event.objects, event.bytes, event.stale) == (1, 5, False)
    assert event.manifest_sha256 == version.manifest_sha256
    assert [(one.id, one.bucket) for one in event.locations] == [
        ("primary", pipeline.wiring.primary.bucket)
    ]
    assert pipeline.read(event.locations[0].prefix + event.manifest_key)
    assert pipeline.told(ingest.id) == [("succeeded", "Domain event published")]
    assert "announcement" not in pipeline.timers()


@pytest.mark.parametrize("on_failure", ["rollback", "keep"])
def test_a_failure_is_announced_without_names_of_files(on_failure: str) -> None:
    pipeline = Announced()
    pipeline.damage()
    ingest = pipeline.backfill(on_failure=on_failure, callback=Callback(url=URL))
    assert ingest.failure
    assert FILE in ingest.failure.detail
    event = pipeline.only
    assert isinstance(event, IngestFailed)
    assert (event.code, event.objects) == ("missing-chunk", 1)
    assert event.failures_path == f"/ingests/{ingest.id}/failures"
    text = event.model_dump_json()
    assert "canary" not in text
    assert "secret-of-the-url" not in text


def test_what_ends_without_a_version_or_a_failure_is_not_announced() -> None:
    pipeline = Announced()
    pipeline.backfill(dry_run=True)
    cancelled = pipeline.start()
    pipeline.wiring.lifecycle.cancel(cancelled, by="operator")
    pipeline.run()
    assert pipeline.bus.published == []
    pipeline.backfill()
    assert pipeline.backfill().status is IngestStatus.SUCCEEDED
    assert [event.name for event in pipeline.bus.published] == ["CourseVersionRegistered"]


def test_without_a_bus_nothing_is_sent_to_the_notifier() -> None:
    pipeline = MemoryPipeline()
    pipeline.discover(COURSE)
    ingest = pipeline.backfill()
    assert ingest.announcement is None
    assert Step.NOTIFY not in [one.step for one in pipeline.wiring.messages.sent]


def test_a_kept_failure_that_expires_is_announced_once() -> None:
    pipeline = Announced()
    pipeline.damage()
    pipeline.backfill(on_failure="keep")
    pipeline.later(days=15)
    assert [event.name for event in pipeline.bus.published] == ["IngestFailed"]


def test_a_retried_failure_is_announced_as_it_ended_each_time() -> None:
    pipeline = Announced()
    pipeline.damage()
    ingest = pipeline.backfill(on_failure="keep")
    pipeline.mend()
    pipeline.wiring.lifecycle.retry(ingest.id, by="operator")
    pipeline.run()
    names = [event.name for event in pipeline.bus.published]
    assert names == ["IngestFailed", "CourseVersionRegistered"]
    assert len({event.id for event in pipeline.bus.published}) == 2


class _SlowBus(MemoryEventBus):
    """The first publication takes until the ingest was retried and has ended again."""

    def __init__(self, pipeline: Announced) -> None:
        super().__init__()
        self._pipeline = pipeline
        self.next_end: StepMessage | None = None

    def publish(self, event: DomainEvent) -> None:
        super().publish(event)
        if isinstance(event, IngestFailed):
            self._pipeline.mend()
            self._pipeline.wiring.lifecycle.retry(event.ingest, by="operator")
            self.next_end = self._pipeline.run(until=lambda message: message.step is Step.NOTIFY)


def test_what_came_of_announcing_an_end_does_not_count_for_the_end_after_a_retry() -> None:
    pipeline = Announced()
    pipeline.wiring.bus = bus = _SlowBus(pipeline)
    pipeline.use_notifier()
    pipeline.damage()
    ingest = pipeline.backfill(on_failure="keep")
    assert ingest.announcement
    assert ingest.announcement.status is CallbackStatus.PENDING
    assert bus.next_end
    pipeline.deliver(bus.next_end)
    assert [event.name for event in bus.published] == ["IngestFailed", "CourseVersionRegistered"]


def test_a_bus_that_is_down_keeps_neither_the_ingest_nor_the_callback() -> None:
    pipeline = Announced()
    pipeline.bus.is_down = True
    ingest = pipeline.backfill(callback=Callback(url=URL))
    assert ingest.status is IngestStatus.SUCCEEDED
    assert ingest.callback
    assert ingest.callback.status is CallbackStatus.SUCCEEDED
    assert len(pipeline.called.delivered) == 1
    assert [outcome for outcome, _ in pipeline.told(ingest.id)] == ["waiting"]
    pipeline.bus.is_down = False
    pipeline.later(minutes=1)
    assert pipeline.only.name == "CourseVersionRegistered"
    assert len(pipeline.called.delivered) == 1


def test_a_callback_that_is_refused_does_not_announce_the_end_again() -> None:
    pipeline = Announced()
    pipeline.called.receivers["lms.example.org"] = lambda _: 500
    pipeline.backfill(callback=Callback(url=URL))
    for _ in range(3):
        pipeline.later(hours=1)
    assert len(pipeline.called.delivered) > 1
    assert pipeline.only.name == "CourseVersionRegistered"


@pytest.mark.parametrize(
    "fault", [EventsUnavailable("EventBridge answers 500"), EventsRefused("denied")]
)
def test_a_bus_that_never_takes_it_is_given_up_after_weeks_with_the_reason(
    fault: EventsUnavailable | EventsRefused,
) -> None:
    pipeline = Announced()
    pipeline.bus.faults = [fault] * 60
    ingest = pipeline.backfill()
    days = 0.0
    while pipeline.bus.faults:
        pipeline.later(hours=6)
        days += 0.25
        assert days < 20
    assert days > 12
    assert pipeline.told(ingest.id)[-1] == (
        "failed",
        f"Domain event given up after 60 attempts: {fault}",
    )
    pipeline.later(days=1)
    assert pipeline.bus.published == []
    assert "announcement" not in pipeline.timers()


@pytest.mark.parametrize("copies", [2, 3])
def test_repeated_messages_publish_once(copies: int) -> None:
    pipeline = Announced()
    pipeline.start()
    pipeline.run(copies=copies)
    assert pipeline.only.name == "CourseVersionRegistered"


class _Dying:
    """A state store that dies at the n-th write from now on."""

    def __init__(self, pipeline: Announced, number: int) -> None:
        self._write: Callable[..., None] = pipeline.wiring.state.write
        self._left = number

    def __call__(self, *writes: Write) -> None:
        self._left -= 1
        if self._left == 0:
            raise Killed
        self._write(*writes)


@given(death=st.integers(1, 4), repeats=st.integers(1, 2), fails=st.booleans())
@settings(deadline=None)
def test_whenever_the_notifier_dies_the_end_is_announced_under_one_id(
    death: int, repeats: int, fails: bool
) -> None:
    pipeline = Announced()
    if fails:
        pipeline.damage()
    ingest = pipeline.start(on_failure="keep")
    notify = pipeline.run(until=lambda message: message.step is Step.NOTIFY)
    assert notify
    write = pipeline.wiring.state.write
    pipeline.wiring.state.write = _Dying(pipeline, death)  # type: ignore[method-assign] # It dies.
    try:
        for _ in range(repeats):
            pipeline.deliver(notify)
    except Killed:
        pass
    finally:
        pipeline.wiring.state.write = write  # type: ignore[method-assign] # As it was.
    pipeline.later(minutes=20)
    pipeline.later(minutes=20)
    assert {event.id for event in pipeline.bus.published} == {f"{ingest}.{2 if fails else 1}"}
    assert len(pipeline.bus.published) <= 2
    told = pipeline.ingest(ingest).announcement
    assert told
    assert told.status is CallbackStatus.SUCCEEDED
