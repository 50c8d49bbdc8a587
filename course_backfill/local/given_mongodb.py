"""Looks whether a MongoDB that is not our own answers, before anything is started for it."""

from __future__ import annotations

import pymongo

from course_backfill.adapters.mongodb import connect, source_errors
from course_backfill.errors import CourseBackfillError, SourceUnavailable

SECONDS_TO_ANSWER = 5.0


class NoAnswer(CourseBackfillError):
    """The MongoDB cannot be reached now; `str()` says what to do, and none of its URI."""


def require_answer(uri: str, *, seconds: float = SECONDS_TO_ANSWER) -> None:
    """Returns once any member answers our user, whatever waits the URI sets.

    Raises NoAnswer where none does in time, SourceRefused for what will never do.
    """
    try:
        with source_errors(), connect(uri, timeout_seconds=seconds) as client:
            # A replica set that is electing, or whose primary is away, is worth starting for.
            anyone = pymongo.ReadPreference.NEAREST
            with pymongo.timeout(seconds):
                client.admin.command("ping", read_preference=anyone)
    except SourceUnavailable as error:
        raise NoAnswer(
            f"{error} Without it the workers could only wait, so nothing was started. Bring it "
            "up, or correct the host and port of the MongoDB URI, and start again."
        ) from error
