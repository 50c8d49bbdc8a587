"""The lines of an ingest: each says what it is about, through every hop."""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from course_backfill.adapters.lambda_run import lambda_run
from course_backfill.adapters.lambda_worker import LambdaWorker
from course_backfill.courses import CourseId
from course_backfill.errors import SourceUnavailable
from course_backfill.local.lambda_event import LocalContext, sqs_event
from course_backfill.messages import SERVICES, Step, StepMessage
from course_backfill.metrics import INGESTS, METRICS, SECONDS
from services.ingests_api.handler import build_api
from tests.services.api_world import create_event, create_request
from tests.services.memory_pipeline import COURSE
from tests.services.test_dead_letters import QueueWiring

Line = dict[str, Any]
PER_PACKET = {"replicate", "verify"}


def worker_of(service: str) -> LambdaWorker:
    worker: LambdaWorker = importlib.import_module(f"services.{service}.handler").lambda_handler
    return worker


class Functions:
    """Every function on memory ports, called with the messages of its queue; and what they log."""

    def __init__(self, out: io.StringIO) -> None:
        self._out = out
        self.wiring = QueueWiring()
        self.wiring.content.add_course(COURSE)
        self.wiring.courses.add(COURSE)
        self.wiring.content.save(COURSE, "a.txt", b"alpha")
        self._handlers = {one: worker_of(one).on(self.wiring) for one in SERVICES}
        self._api = build_api(self.wiring)
        self._runs = 0

    def start(self) -> str:
        """Asks the API for an ingest; returns its id."""
        event = create_event("POST", "/ingests", body=create_request(COURSE))
        with lambda_run("ingests_api", self._context("ingests_api")):
            answer = self._api(event, self._context("ingests_api"))
        return str(json.loads(answer["body"])["id"])

    def work(self) -> None:
        """Delivers messages until there are none."""
        while sum(self._poll(one) for one in SERVICES):
            self.wiring.clock.advance(seconds=1)

    @property
    def lines(self) -> list[Line]:
        return [json.loads(one) for one in self._out.getvalue().splitlines()]

    def _poll(self, service: str) -> bool:
        queue = self.wiring.messages.of_service(service)
        messages = queue.receive(wait_seconds=0, visibility_seconds=30)
        for message in messages:
            context = self._context(service)
            with lambda_run(worker_of(service).service, context):
                self._handlers[service](sqs_event(message, queue_arn=queue.arn), context)
            queue.delete(message)
        return bool(messages)

    def _context(self, service: str) -> Any:
        self._runs += 1
        return LocalContext(service, request_id=f"run-{self._runs}")


@pytest.fixture
def functions(written: io.StringIO) -> Functions:
    return Functions(written)


def test_the_id_of_an_ingest_is_on_every_line_from_its_acceptance_to_its_end(
    functions: Functions,
) -> None:
    ingest = functions.start()
    functions.work()
    lines = functions.lines
    of_ingest = [one for one in lines if one.get("ingest_id") == ingest]
    assert [one for one in lines if one not in of_ingest and one["message"] != "request"] == []
    assert of_ingest[0]["message"] == "ingest accepted"
    assert of_ingest[0]["request_id"] == "request-1"
    [ended] = [one for one in of_ingest if one["message"] == "ingest ended"]
    assert (ended["outcome"], ended["step"], ended["service"]) == (
        "succeeded",
        "register",
        "register",
    )
    assert {one["course"] for one in of_ingest} == {str(COURSE)}


def test_the_line_of_a_step_says_who_did_what_for_how_long_and_of_which_message(
    functions: Functions,
) -> None:
    functions.start()
    functions.work()
    steps = [one for one in functions.lines if one["message"] == "step"]
    done = [Step(one["step"]) for one in steps]
    assert set(done) == {*(Step.PLAN, Step.REPLICATE, Step.VERIFY, Step.AGGREGATE, Step.REGISTER)}
    for line in steps:
        assert line["service"] == Step(line["step"]).service
        assert line["outcome"] in {"succeeded", "completed"}
        assert line["seconds"] >= 0
        assert line["receives"] == 1
        assert line["function_request_id"].startswith("run-")
        assert line["message_id"]
    assert len({one["message_id"] for one in steps}) == len(steps)
    of_packets = [one for one in steps if one.get("packet") is not None]
    assert {one["step"] for one in of_packets} == PER_PACKET
    assert {(one["replica"], one["packet"]) for one in of_packets} == {("primary", 0)}


def test_a_metric_is_of_the_service_that_emits_it(functions: Functions) -> None:
    functions.start()
    functions.work()
    emitted = functions.wiring.meter.emitted
    for one in emitted:
        assert one.dimensions["service"] in (one.metric.services or (*SERVICES, "ingests_api"))
    for one in emitted:
        if one.metric is SECONDS:
            assert one.dimensions["service"] == Step(one.dimensions["step"]).service
    of_ingests = [one.dimensions for one in emitted if one.metric is INGESTS]
    assert [(one["service"], one["status"]) for one in of_ingests] == [
        ("ingests_api", "accepted"),
        ("register", "succeeded"),
    ]
    assert {one.metric for one in emitted} <= set(METRICS)


def test_a_discovery_is_told_like_any_step_and_why_it_failed(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> Iterator[CourseId]:
        raise SourceUnavailable("MongoDB does not answer")

    wiring = functions.wiring
    discovery = wiring.discoveries.add("discovery-1", by="operator")
    message = StepMessage(ingest=discovery.id, epoch=0, step=Step.DISCOVER)
    wiring.messages.send([message])
    functions.work()
    other = wiring.discoveries.add("discovery-2", by="operator")
    monkeypatch.setattr(wiring.source, "discover", away)
    wiring.messages.send([message.model_copy(update={"ingest": other.id})])
    functions.work()
    steps = [one for one in functions.lines if one["message"] == "step"]
    assert [(one["ingest_id"], one["step"], one["outcome"]) for one in steps] == [
        ("discovery-1", "discover", "succeeded"),
        ("discovery-2", "discover", "failed"),
    ]
    [failed] = [one for one in functions.lines if one["message"] == "discovery failed"]
    assert (failed["ingest_id"], failed["code"]) == ("discovery-2", "source-unavailable")


@pytest.mark.parametrize("service", SERVICES)
def test_a_handler_knows_its_service(service: str) -> None:
    assert worker_of(service).service == service
