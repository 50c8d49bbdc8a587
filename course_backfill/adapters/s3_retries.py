"""Trying S3 again: for what boto3 does not repeat by itself."""

from __future__ import annotations

from collections.abc import Callable

from course_backfill.adapters.backoff import Backoff, Sleep

__all__ = ["TRIES", "Sleep", "pause", "try_again"]

BACKOFF = Backoff(tries=5, first=0.3, longest=5.0)
TRIES = BACKOFF.tries
pause = BACKOFF.pause


def try_again(attempt: Callable[[], str | None], sleep: Sleep) -> str | None:
    """Repeats an attempt that gives the code of an answer worth another try, None on success.

    Gives the last code once the tries are used up.
    """
    code = None
    for _ in BACKOFF.attempts(sleep):
        code = attempt()
        if code is None:
            break
    return code
