"""What a command's end means: exit codes, and every error as a sentence instead of a trace."""

from __future__ import annotations

import logging
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path

import httpx

from course_backfill.cli.api_client import ApiError
from course_backfill.cli.printing import printable, remark
from course_backfill.errors import CourseBackfillError, InvalidInput

logger = logging.getLogger(__name__)

SUCCEEDED = 0
FAILED = 1
"""An ingest, a check or a request failed."""
WRONG_USE = 2
"""Wrong usage, input or settings: nothing was begun."""
INTERRUPTED = 130
"""Ctrl-C, as shells count it."""

_INPUT_IS_WRONG = {
    httpx.codes.BAD_REQUEST,
    httpx.codes.UNAUTHORIZED,
    httpx.codes.FORBIDDEN,
    httpx.codes.NOT_FOUND,
    httpx.codes.REQUEST_ENTITY_TOO_LARGE,
    httpx.codes.UNPROCESSABLE_ENTITY,
}


class Failed(CourseBackfillError):
    """What the command was asked for did not come about; `str()` says what to do next."""


def explain(error: Exception) -> int:
    """Says on standard error what went wrong, and gives the exit code."""
    match error:
        case InvalidInput():
            for problem in error.problems:
                _complain(f"{problem.pointer}: {problem.detail}")
            return WRONG_USE
        case Failed():
            _complain(str(error))
            return FAILED
        case ApiError():
            _complain(str(error))
            return code_of(error)
        case CourseBackfillError():
            _complain(str(error))
            return WRONG_USE
        case ModuleNotFoundError():
            _complain(f"The package {error.name} is missing: pip install 'course-backfill[local]'")
            return WRONG_USE
        case _:
            _complain(f"{_first_line(error)} This was not foreseen; the trace is in {_log(error)}.")
            return FAILED


def code_of(error: ApiError) -> int:
    """Whether the request itself was wrong, or the present state forbids it."""
    return WRONG_USE if error.status in _INPUT_IS_WRONG else FAILED


def _complain(text: str) -> None:
    remark("\n".join(printable(line) for line in text.splitlines()), style="red")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}." if lines else f"{type(error).__name__}."


def _log(error: Exception) -> Path:
    """Stores the trace where its owner alone can read it: it may show what should stay private."""
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    with tempfile.NamedTemporaryFile(
        "w", prefix=f"course-backfill-{stamp}-", suffix=".log", delete=False
    ) as file:
        traceback.print_exception(error, file=file)
    return Path(file.name)
