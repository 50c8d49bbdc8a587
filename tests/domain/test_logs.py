"""The logs of processes on a machine: a line is a JSON object, and holds nothing secret."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from course_backfill.adapters.logs import log_lines
from course_backfill.local.lambda_event import Event
from course_backfill.local.poller import InHand, Poller
from tests.canaries import SECRET


class UnreachableQueue:
    """Its client tells in the error with which credentials it tried."""

    arn = "arn:aws:sqs:eu-west-1:1:replicator"

    def receive(self, *, wait_seconds: int, visibility_seconds: int) -> list[Event]:
        raise ConnectionError(f"https://user:{SECRET}@sqs.example.org/?X-Amz-Signature={SECRET}")

    def hide(self, message: Event, seconds: int) -> None:
        raise AssertionError("nothing was received")

    def delete(self, message: Event) -> None:
        raise AssertionError("nothing was received")


def test_a_secret_in_a_trace_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    log_lines()
    try:
        try:
            raise ValueError(f"mongodb://reader:{SECRET}@db.example.org refused")
        except ValueError as cause:
            raise RuntimeError(f"password={SECRET} in the middle\nand a second line") from cause
    except RuntimeError:
        logging.getLogger(__name__).exception("it failed")
    (line,) = capsys.readouterr().err.splitlines()
    document = json.loads(line)
    assert SECRET not in line
    assert "db.example.org refused" in document["exception"]
    assert "and a second line" in document["exception"]
    assert __file__.rpartition("/")[2] in document["exception"]
    assert document["exception_name"] == "RuntimeError"


def test_a_poller_tells_why_its_queue_does_not_answer_and_no_secret(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log_lines()
    stop = threading.Event()
    stop.set()
    poller = Poller(
        UnreachableQueue(),
        lambda event, context: {},
        service="replicator",
        in_hand=InHand(visibility_seconds=30),
        stop=stop,
    )
    assert poller.poll() == 0
    err = capsys.readouterr().err
    assert SECRET not in err
    assert "no answer from the queue of replicator" in err
    assert "sqs.example.org" in err


def test_the_end_of_a_long_trace_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    log_lines()
    try:
        raise ValueError("x" * 3_000 + "\n" + "many lines\n" * 10_000 + "and what happened")
    except ValueError:
        logging.getLogger(__name__).exception("it failed")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["exception"].endswith("and what happened")
    assert len(line) < 100_000


def test_a_function_of_lambda_logs_why_it_cannot_begin_without_a_secret() -> None:
    """Also where Lambda has set up its own way of logging before."""
    code = (
        "import logging; logging.basicConfig(format='Lambda: %(message)s');"
        "from services.planner.handler import lambda_handler;"
        "from course_backfill.local.lambda_event import SCHEDULE, LocalContext;"
        "lambda_handler(SCHEDULE, LocalContext('planner'))"
    )
    environment = {
        "AWS_LAMBDA_FUNCTION_NAME": "course-backfill-planner",
        "COURSE_BACKFILL_LOCATIONS": SECRET,
        "MONGO_URI": f"mongodb://reader:{SECRET}@db.example.org",
        "PATH": "",
    }
    run = subprocess.run(  # noqa: S603 - This very interpreter.
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    line = json.loads(run.stderr.splitlines()[0])
    assert (line["message"], line["service"], line["level"]) == ("run failed", "planner", "ERROR")
    assert "RunFailed: InvalidInput" in run.stderr
    assert SECRET not in run.stdout + run.stderr
    assert run.returncode == 1


def test_a_message_of_several_lines_is_one_line_of_the_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log_lines()
    logging.getLogger("any").warning("two\nlines")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["message"] == "two\nlines"


def test_a_line_that_cannot_be_written_is_told_of_without_what_it_holds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log_lines()
    logging.getLogger("any").warning("%d files", f"password={SECRET}")
    place = f"any, {Path(__file__).name}:"
    told = capsys.readouterr().err
    assert told.startswith(f"a log line of {place}")
    assert told.endswith(" could not be written: TypeError\n")
    assert SECRET not in told


def test_who_has_no_standard_error_left_works_on(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = io.StringIO()
    gone.close()
    monkeypatch.setattr(sys, "stderr", gone)
    log_lines()
    logging.getLogger("any").warning("nobody hears this")
