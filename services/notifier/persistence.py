"""How often something is told again, and when it is too early to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from course_backfill.clock import from_text
from course_backfill.notifications import Delivering

EARLY = timedelta(seconds=5)
"""How far the clocks of two machines may differ before a delivery that is due is put off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Persistence:
    """How often a delivery is tried, with gaps that double from `first` to `longest`."""

    attempts: int = 12
    first: timedelta = timedelta(seconds=30)
    longest: timedelta = timedelta(hours=6)

    def gap(self, attempts: int) -> timedelta:
        """The wait after so many attempts."""
        return min(self.first * (1 << min(attempts - 1, 20)), self.longest)


class NotDueError(Exception):
    """Someone else is at it, or the gap is not over, or nobody is to be told any more."""


def is_early(delivering: Delivering, now: datetime) -> bool:
    """Whether its next attempt is not due yet."""
    due = delivering.next_attempt_date
    return due is not None and now + EARLY < from_text(due)
