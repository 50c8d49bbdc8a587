"""Callbacks of ended ingests: delivered at least once, tried by due date, never in the way."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from course_backfill.adapters.memory_callbacks import Delivery, MemoryCallbackSender
from course_backfill.callback_signing import EVENT
from course_backfill.callbacks import CallbackRules
from course_backfill.ingest_step import IngestStep
from course_backfill.ingests import Ingest, IngestStatus
from course_backfill.messages import Step
from course_backfill.notifications import Callback, CallbackStatus
from course_backfill.ports import CallbackFailed
from course_backfill.stores.timers import due_timers
from services.notifier.handler import build_step
from services.notifier.persistence import Persistence
from tests.services.memory_pipeline import COURSE, MemoryPipeline

SECRET = "a-secret-of-this-test"
URL = "https://lms.example.org/hook?key=canary"


class Hook:
    """A pipeline with one ended ingest, and the receiver of its callback."""

    def __init__(self, answer: Callable[[Delivery], int] = lambda _: 200) -> None:
        self.pipeline = MemoryPipeline(callback_secret=SECRET, callback_attempts=3)
        self.sender = MemoryCallbackSender(
            CallbackRules(),
            addresses={"lms.example.org": ["8.8.8.8"]},
            receivers={"lms.example.org": answer},
        )
        self.step: IngestStep = build_step(self.pipeline.wiring, self.sender)
        self.pipeline.discover(COURSE)

    def end(self, **request: Any) -> str:
        ingest = self.pipeline.start(callback=Callback(url=URL), **request)
        self.pipeline.run(until=lambda message: message.step is Step.NOTIFY)
        return ingest

    def deliver(self, ingest: str) -> Ingest:
        sent = [one for one in self.pipeline.wiring.messages.sent if one.ingest == ingest]
        self.step.handle([one for one in sent if one.step is Step.NOTIFY][-1])
        return self.pipeline.ingest(ingest)

    def outcomes(self, ingest: str) -> list[tuple[str, str]]:
        events = self.pipeline.wiring.ingests.events(ingest)
        return [(one.outcome, one.description) for one in events if one.step == "notify"]

    def is_due_later(self) -> bool:
        wiring = self.pipeline.wiring
        later = wiring.clock.now + timedelta(days=1)
        return any(timer.kind == "callback" for timer in due_timers(wiring.state, later))


def documented_check() -> Callable[..., bool]:
    """The check that the guide has receivers make."""
    guide = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
    example = re.search(r"```python\n(.*?)```", guide, re.DOTALL)
    assert example
    names: dict[str, Any] = {}
    exec(example.group(1), names)  # noqa: S102 - The guide's own example.
    check: Callable[..., bool] = names["is_genuine"]
    return check


def test_the_receiver_gets_the_ingest_as_the_api_shows_it_signed() -> None:
    hook = Hook()
    ingest = hook.end()
    after = hook.deliver(ingest)
    [delivery] = hook.sender.delivered
    shown = json.loads(delivery.body)
    assert delivery.url == URL
    is_genuine = documented_check()
    assert is_genuine(SECRET.encode(), delivery.headers, delivery.body)
    assert not is_genuine(b"another secret", delivery.headers, delivery.body)
    assert not is_genuine(SECRET.encode(), delivery.headers, delivery.body + b" ")
    assert not is_genuine(SECRET.encode(), {**delivery.headers, EVENT: "other"}, delivery.body)
    assert (shown["type"], shown["id"], shown["status"]["id"]) == ("Ingest", ingest, "succeeded")
    assert shown["course"]["version"] == "v1"
    assert shown["callback"]["url"] == "https://lms.example.org/hook?…"
    assert after.callback
    assert after.callback.status is CallbackStatus.SUCCEEDED
    assert hook.outcomes(ingest) == [("succeeded", "Callback delivered")]
    assert not hook.is_due_later()


def test_a_failed_ingest_is_told_of_too_without_a_version() -> None:
    hook = Hook()
    hook.pipeline.content.save(COURSE, "a.txt", b"alpha")
    ingest = hook.pipeline.start(callback=Callback(url=URL))
    hook.pipeline.run(until=lambda message: message.step is Step.REPLICATE)
    hook.pipeline.wiring.lifecycle.cancel(ingest, by="operator")
    hook.pipeline.run(until=lambda message: message.step is Step.NOTIFY)
    hook.deliver(ingest)
    [delivery] = hook.sender.delivered
    shown = json.loads(delivery.body)
    assert (shown["status"]["id"], shown["course"]["version"]) == ("cancelled", None)
    assert hook.pipeline.ingest(ingest).version == "v1"


def test_a_repeated_message_delivers_nothing_twice() -> None:
    hook = Hook()
    ingest = hook.end()
    hook.deliver(ingest)
    before = hook.pipeline.ingest(ingest)
    assert hook.deliver(ingest) == before
    assert len(hook.sender.delivered) == 1


@pytest.mark.parametrize("status", [199, 301, 307, 401, 404, 500])
def test_any_other_answer_is_tried_again_when_it_is_due_and_not_before(status: int) -> None:
    answers = [status, 204]
    hook = Hook(lambda _: answers.pop(0))
    ingest = hook.end()
    waiting = hook.deliver(ingest)
    assert waiting.callback
    assert (waiting.callback.status, waiting.callback.attempts) == (CallbackStatus.PENDING, 1)
    assert f"answered {status}" in hook.outcomes(ingest)[0][1]
    hook.deliver(ingest)
    assert len(hook.sender.delivered) == 1
    hook.pipeline.wiring.clock.advance(seconds=31)
    hook.pipeline.sweep()
    after = hook.deliver(ingest)
    assert after.callback
    assert after.callback.status is CallbackStatus.SUCCEEDED
    assert len({one.headers[EVENT] for one in hook.sender.delivered}) == 1


def test_the_janitor_wakes_it_by_due_date_with_growing_gaps_until_it_is_given_up() -> None:
    hook = Hook(lambda _: 503)
    ingest = hook.end()
    ended = hook.pipeline.ingest(ingest)
    wiring = hook.pipeline.wiring
    wiring.messages.waiting.clear()
    tried: list[float] = []
    for _ in range(400):
        wiring.clock.advance(seconds=10)
        hook.pipeline.sweep()
        while wiring.messages.waiting:
            hook.step.handle(wiring.messages.waiting.popleft())
        if len(hook.sender.delivered) > len(tried):
            tried.append(wiring.clock.now.timestamp())
    first, second, third = tried
    assert second - first < third - second
    after = hook.pipeline.ingest(ingest)
    assert after.callback
    assert (after.callback.status, after.callback.attempts) == (CallbackStatus.FAILED, 3)
    assert hook.outcomes(ingest)[-1] == (
        "failed",
        "Callback given up after 3 attempts: the receiver answered 503",
    )
    assert after.status is ended.status is IngestStatus.SUCCEEDED
    assert not hook.is_due_later()


def test_an_unreachable_receiver_is_a_wait_and_its_secret_query_is_told_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hook = Hook()
    hook.sender.receivers.clear()
    with caplog.at_level(logging.DEBUG):
        ingest = hook.end()
        hook.deliver(ingest)
    assert hook.outcomes(ingest)[0][0] == "waiting"
    logged = "".join(str(record.__dict__) for record in caplog.records)
    assert "canary" not in logged + str(hook.outcomes(ingest))


def test_an_address_that_turned_private_since_it_was_accepted_is_not_called() -> None:
    hook = Hook()
    hook.sender.addresses["lms.example.org"] = ["169.254.169.254"]
    ingest = hook.end()
    hook.deliver(ingest)
    assert hook.sender.delivered == []
    assert "not allowed" in hook.outcomes(ingest)[0][1]


def test_a_death_between_claim_and_delivery_is_made_up_for() -> None:
    def die(_: Delivery) -> int:
        raise MemoryError

    hook = Hook(die)
    ingest = hook.end()
    with pytest.raises(MemoryError):
        hook.deliver(ingest)
    hook.sender.receivers["lms.example.org"] = lambda _: 200
    hook.pipeline.wiring.clock.advance(minutes=20)
    hook.pipeline.sweep()
    after = hook.deliver(ingest)
    assert after.callback
    assert after.callback.status is CallbackStatus.SUCCEEDED


def test_without_a_key_nothing_is_sent_unsigned() -> None:
    hook = Hook()
    ingest = hook.end()
    wiring = hook.pipeline.wiring
    wiring.settings = wiring.settings.model_copy(update={"callback_secret": None})
    hook.step = build_step(wiring, hook.sender)
    hook.deliver(ingest)
    assert hook.sender.delivered == []
    assert "COURSE_BACKFILL_CALLBACK_SECRET" in hook.outcomes(ingest)[0][1]


def test_a_retried_ingest_is_told_of_again_as_another_event() -> None:
    hook = Hook()
    hook.pipeline.content.save(COURSE, "a.txt", b"alpha")
    file = hook.pipeline.content.save(COURSE, "b.txt", b"beta")
    hook.pipeline.content.drop_chunk(file, 0)
    ingest = hook.end(on_failure="keep")
    hook.deliver(ingest)
    assert hook.pipeline.ingest(ingest).kept
    hook.pipeline.wiring.lifecycle.retry(ingest, by="operator")
    hook.pipeline.run(until=lambda message: message.step is Step.NOTIFY)
    hook.deliver(ingest)
    assert len({one.headers[EVENT] for one in hook.sender.delivered}) == 2


def test_what_came_of_telling_an_end_does_not_count_for_the_end_after_a_retry() -> None:
    def retry_meanwhile(_: Delivery) -> int:
        hook.sender.receivers["lms.example.org"] = lambda _: 200
        hook.pipeline.content.save(COURSE, "a.txt", b"alpha")
        hook.pipeline.wiring.lifecycle.retry(ingest, by="operator")
        return 200

    hook = Hook(retry_meanwhile)
    hook.pipeline.content.drop_chunk(hook.pipeline.content.save(COURSE, "a.txt", b"alpha"), 0)
    ingest = hook.end(on_failure="keep")
    waiting = hook.deliver(ingest).callback
    assert waiting
    assert (waiting.status, waiting.attempts) == (CallbackStatus.PENDING, 0)
    hook.pipeline.run(until=lambda message: message.step is Step.NOTIFY)
    hook.deliver(ingest)
    told = [json.loads(one.body)["status"]["id"] for one in hook.sender.delivered]
    assert told == ["failed", "succeeded"]


def test_gaps_double_and_stay_bounded() -> None:
    persistence = Persistence()
    gaps = [persistence.gap(attempts) for attempts in range(1, 40)]
    assert gaps[:3] == [timedelta(seconds=30), timedelta(minutes=1), timedelta(minutes=2)]
    assert gaps == sorted(gaps)
    assert gaps[-1] == persistence.longest


def test_a_receiver_whose_failure_is_named_is_waited_for() -> None:
    def fail(_: Delivery) -> int:
        raise CallbackFailed("the receiver is too slow, or nothing listens there")

    hook = Hook(fail)
    ingest = hook.end()
    hook.deliver(ingest)
    assert "too slow" in hook.outcomes(ingest)[0][1]
