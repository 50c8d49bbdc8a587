"""Course keys as a database claims them: hostile until checked."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from course_backfill.adapters.contentstore.extended_json import escaped
from course_backfill.courses import CourseId
from course_backfill.errors import InvalidInput

logger = logging.getLogger(__name__)

SHOWN_CHARACTERS = 200
"""Of what stands in a document and is told as it is."""


class CourseKeys:
    """Gives out each course once, and counts what is no course key."""

    def __init__(self) -> None:
        self._given: set[CourseId] = set()
        self._refused = 0
        self._first_refused = ""

    def new(self, claimed: str) -> Iterator[CourseId]:
        """The course of that key, unless it was given out before or is no course key."""
        try:
            course = CourseId.parse(claimed)
        except InvalidInput:
            self._refused += 1
            self._first_refused = self._first_refused or claimed[:SHOWN_CHARACTERS]
            return
        if course not in self._given:
            self._given.add(course)
            yield course

    def log_refused(self) -> None:
        """One warning for all that is no course key, with the first of them escaped and cut."""
        if self._refused:
            shown = ascii(escaped(self._first_refused))[:SHOWN_CHARACTERS]
            logger.warning(
                "%d course keys cannot be used and were skipped, the first: %s",
                self._refused,
                shown,
            )


def split_key(org: object, course: object, run: object) -> str:
    """The key of a split course; none that can be parsed where a part is not text."""
    return f"course-v1:{_text(org)}+{_text(course)}+{_text(run)}"


def old_key(org: object, course: object, run: object) -> str:
    """The key of an old-form course; none that can be parsed where a part is not text."""
    return f"{_text(org)}/{_text(course)}/{_text(run)}"


def _text(part: object) -> str:
    return part if isinstance(part, str) else f"<{type(part).__name__}>"
