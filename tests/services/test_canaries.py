"""A secret in an error shows nowhere: whichever service meets it, and however it ends."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from course_backfill.adapters.emf_meter import EmfMeter
from course_backfill.adapters.lambda_run import RunFailed
from course_backfill.adapters.lambda_worker import LambdaWorker
from course_backfill.deliveries import read_message
from course_backfill.errors import SourceRefused, SourceUnavailable, StorageRefused
from course_backfill.ingest_step import StepCompleted, StepResult
from course_backfill.ingests import Ingest
from course_backfill.local.lambda_event import SCHEDULE, LocalContext
from course_backfill.messages import SERVICES, StepMessage
from course_backfill.metrics import FAILURES
from course_backfill.redaction import HIDDEN
from course_backfill.wiring import Wiring
from services.ingests_api.api import Api
from services.ingests_api.app import IngestsApi
from tests.canaries import CANARIES, leaks
from tests.services.api_world import create_event
from tests.services.memory_pipeline import COURSE, MemoryWiring
from tests.services.test_dead_letters import QueuePipeline

STEP_SERVICES = [one for one in SERVICES if one not in {"warmer", "janitor", "notifier"}]
KINDS: dict[str, Callable[[str], Exception]] = {
    "unexpected": RuntimeError,
    "outage": SourceUnavailable,
    "refusal": SourceRefused,
    "storage": StorageRefused,
}
ALL = " ".join(CANARIES.values())


class CanaryPipeline(QueuePipeline):
    """A course's backfill in which one service meets errors that hold secrets."""

    def __init__(self) -> None:
        super().__init__()
        self.discover(COURSE)
        self.content.save(COURSE, "a.txt", b"alpha")
        self.work()

    def meet(self, service: str, error: Exception) -> None:
        def work(ingest: Ingest, message: StepMessage) -> Any:
            raise error

        self._steps[service] = self.wiring.step(work)

    def stored(self) -> str:  # type: ignore[override]  # Of the tables, and the bucket.
        """Everything in the tables and in the work bucket."""
        state, work = self.wiring.state, self.wiring.work_bucket
        return f"{state.__dict__} {work.__dict__}"

    def told(self) -> str:
        """Everything that the API answers about it."""
        api = IngestsApi(Api.of(self.wiring))
        listed = ("/ingests", "/courses", "/dead-letters", "/reports/backfill")
        ingests, _ = self.wiring.ingests.listing(limit=10)
        each = [f"/ingests/{one.id}{of}" for one in ingests for of in ("", "/failures", "/events")]
        return "".join(
            str(api(create_event("GET", path), LambdaContext())) for path in (*listed, *each)
        )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("service", "canary"),
    [(one, ALL) for one in STEP_SERVICES] + [("verifier", one) for one in CANARIES.values()],
    ids=[*STEP_SERVICES, *CANARIES],
)
def test_no_secret_of_an_error_is_logged_stored_measured_or_told(
    service: str,
    kind: str,
    canary: str,
    written: io.StringIO,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pipeline = CanaryPipeline()
    pipeline.meet(service, KINDS[kind](canary))
    ingest = pipeline.start()
    pipeline.work(rounds=40)
    found = pipeline.ingest(ingest)
    assert found.failure is not None or kind == "outage"
    stored, told = pipeline.stored(), pipeline.told()
    for where in (written.getvalue(), stored, told):
        assert HIDDEN in where
        assert leaks(where) == []
    assert leaks("".join(capsys.readouterr())) == []
    assert leaks(str(pipeline.wiring.meter.emitted)) == []
    assert len(pipeline.wiring.meter.values(FAILURES)) == (kind != "outage")


@pytest.mark.parametrize("canary", CANARIES.values(), ids=CANARIES)
def test_a_dead_letter_that_is_no_message_shows_no_secret(
    canary: str, written: io.StringIO
) -> None:
    pipeline = CanaryPipeline()
    letters = pipeline.wiring.dead_letters
    letters.bury("m-1", service="planner", message=read_message(canary), receives=3)
    [letter], _ = letters.listing(limit=5)
    assert letter.body is not None
    assert HIDDEN in letter.body
    assert leaks(letter.body + pipeline.stored() + pipeline.told() + written.getvalue()) == []


def _nothing(ingest: Ingest, message: StepMessage) -> StepResult:
    return StepCompleted()


@pytest.mark.parametrize("canary", CANARIES.values(), ids=CANARIES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_fails_tells_lambda_no_secret(
    kind: str,
    canary: str,
    written: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lambda writes what gets out of a handler into the log by itself."""

    def unreachable() -> Wiring:
        raise KINDS[kind](canary)

    monkeypatch.setattr("course_backfill.adapters.lambda_worker.connect", unreachable)
    worker = LambdaWorker(lambda wiring: wiring.step(_nothing))
    with pytest.raises(RunFailed) as failed:
        worker(SCHEDULE, LocalContext("planner", request_id="run-1"))  # type: ignore[arg-type] # As Lambda's own.
    assert leaks(str(failed.value)) == []
    assert failed.value.__suppress_context__
    assert leaks(written.getvalue()) == []
    assert '"function_request_id":"run-1"' in written.getvalue()
    assert KINDS[kind].__name__ in str(failed.value)


@pytest.mark.parametrize("canary", CANARIES.values(), ids=CANARIES)
@pytest.mark.parametrize("kind", KINDS)
def test_no_secret_of_an_error_is_in_a_problem(
    kind: str,
    canary: str,
    written: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wiring = MemoryWiring()

    def fail(*of: object, **named: object) -> Any:
        raise KINDS[kind](canary)

    for verb in ("get", "query", "query_index", "write"):
        monkeypatch.setattr(wiring.state, verb, fail)
    api = IngestsApi(Api.of(wiring))
    for path in ("/ingests/one", "/courses", f"/courses/{COURSE}", "/dead-letters"):
        answer = api(create_event("GET", path), LambdaContext())
        assert answer["statusCode"] in {500, 503}
        assert leaks(str(answer)) == []
    assert leaks(written.getvalue()) == []


def test_no_secret_of_a_failure_becomes_a_dimension(capsys: pytest.CaptureFixture[str]) -> None:
    for canary in CANARIES.values():
        EmfMeter("courses").emit({FAILURES: 1}, by=canary)
    assert leaks(capsys.readouterr().out) == []
