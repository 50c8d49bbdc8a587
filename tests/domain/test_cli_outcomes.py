"""Every error is a sentence with an exit code; a trace is kept where nobody foresaw the error."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from course_backfill.cli.api_client import ApiError, ApiUnreachable
from course_backfill.cli.outcomes import FAILED, WRONG_USE, Failed, explain
from course_backfill.errors import InvalidInput, NotFound, Problem, QueueRefused


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (InvalidInput(Problem("A", "one"), Problem("B", "two")), WRONG_USE, "A: one\nB: two\n"),
        (Failed("It broke. Do this."), FAILED, "It broke. Do this.\n"),
        (ApiError(404, {"detail": "No such ingest."}), WRONG_USE, "No such ingest.\n"),
        (ApiError(409, {"detail": "Busy."}), FAILED, "Busy.\n"),
        (ApiError(500, {"title": "Internal Server Error"}), FAILED, "Internal Server Error\n"),
        (ApiError(418, {}), FAILED, "The API answered 418.\n"),
        (ApiUnreachable("Nobody is there."), WRONG_USE, "Nobody is there.\n"),
        (NotFound("no entry \x1b[2J"), WRONG_USE, "no entry \\x1b[2J\n"),
        (QueueRefused("SQS lacks it: course-backfill setup"), WRONG_USE, None),
        (ModuleNotFoundError("No module named 'moto'", name="moto"), WRONG_USE, None),
    ],
)
def test_a_named_error_is_its_sentence(
    error: Exception, code: int, said: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(error) == code

    shown = capsys.readouterr()
    assert shown.out == ""
    assert said is None or shown.err == said
    assert "Traceback" not in shown.err


def test_an_unforeseen_error_is_one_line_and_a_private_log(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    try:
        raise KeyError("missing\nsecond line")
    except KeyError as error:
        code = explain(error)

    shown = capsys.readouterr().err
    (log,) = tmp_path.iterdir()
    assert code == FAILED
    assert shown.count("\n") == 1
    assert re.match(r"KeyError: .*This was not foreseen; the trace is in ", shown)
    assert str(log) in shown
    assert log.stat().st_mode & 0o777 == 0o600
    assert "Traceback" in log.read_text()
