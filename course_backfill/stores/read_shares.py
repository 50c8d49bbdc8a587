"""Shares of the read rate, taken from one item of the ingests table that all workers share."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from course_backfill.clock import Clock
from course_backfill.errors import ConditionFailed, StateUnavailable
from course_backfill.ports import Condition, Item, Key, StateStore, Write
from course_backfill.read_rate import MICROS, MOST_AHEAD, GivenOut, share_bytes

KEY = Key("ingests", "source", "READRATE")
LOOK_SECONDS = 1.0
"""While it waits, a worker looks so often whether it still should."""
_TRIES = 30
"""Lost races in a row before taking a share gives up; each means that someone else got through."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Check = Callable[[], None]
"""Raises where the work is not to go on."""


class ReadShares:
    """Lets the threads of this process read `rate` bytes a second, together with all others.

    A share that is not read whole is left to whoever reads next. One whose reader dies, or whose
    answer was lost, is read by nobody: that makes reading slower, never faster.
    """

    def __init__(
        self, state: StateStore, clock: Clock, *, rate: int, pause: Callable[[float], None]
    ) -> None:
        """`pause` waits for so many seconds."""
        self.usual_bytes = share_bytes(rate)
        self._state = state
        self._clock = clock
        self._rate = rate
        self._pause = pause
        self._lock = threading.Lock()
        self._left = 0
        self._behind = 0

    def take(self, size: int, check: Check) -> None:
        """Returns when so many bytes may be read; until then calls `check` every second.

        Raises what `check` raises, and StateUnavailable where races were lost too often.
        """
        with self._lock:
            if size <= self._left:
                self._left -= size
                return
        taken = max(size, self.usual_bytes)
        self._wait(self._begins(taken, check), check)
        with self._lock:
            self._left += taken - size

    def _begins(self, size: int, check: Check) -> float:
        """Takes a share; the seconds until it begins."""
        lost = 0
        while lost < _TRIES:
            check()
            given = _given(self._state.get(KEY))
            now = self._now(given)
            ahead = given.ahead(now)
            if ahead > MOST_AHEAD:
                self._wait((ahead - MOST_AHEAD) / MICROS + _some(LOOK_SECONDS), check)
                lost = 0
                continue
            try:
                self._state.write(
                    _replaced(given, given.with_share(size, now=now, rate=self._rate))
                )
            except ConditionFailed:
                lost += 1
                self._pause(_some(min(_FIRST_PAUSE * 2**lost, _LONGEST_PAUSE)))
            else:
                return ahead / MICROS
        raise StateUnavailable(f"others were faster to take a share of the read rate {lost} times")

    def _now(self, given: GivenOut) -> int:
        """The time that all share, which this machine's clock is behind by as much as was seen."""
        own = (self._clock() - _EPOCH) // timedelta(microseconds=1)
        with self._lock:
            self._behind = max(self._behind, given.seen - own)
            return own + self._behind

    def _wait(self, seconds: float, check: Check) -> None:
        while seconds > 0:
            check()
            self._pause(min(seconds, LOOK_SECONDS))
            seconds -= LOOK_SECONDS
        check()


def _given(item: Item | None) -> GivenOut:
    return GivenOut(until=item["until"], seen=item["seen"]) if item else GivenOut()


def _replaced(before: GivenOut, after: GivenOut) -> Write:
    """Every share moves `until`, so that it tells whether another was taken meanwhile."""
    same = Condition("until", "equals", before.until or None)
    return Write(KEY, item={"until": after.until, "seen": after.seen}, when=(same,))


def _some(seconds: float) -> float:
    return random.uniform(0, seconds)  # noqa: S311 - It spreads attempts and hides nothing.
