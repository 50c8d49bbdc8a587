"""Trying again: how often and after what pause, for what boto3 does not repeat by itself."""

from __future__ import annotations

import random
from collections.abc import Callable

Sleep = Callable[[float], None]

TRIES = 5


def pause(failures: int) -> float:
    """Seconds to wait after so many failures in a row: growing, and never twice the same."""
    return random.uniform(0.5, 1.0) * 0.1 * 2.0**failures  # noqa: S311 -- jitter hides nothing.


def try_again(attempt: Callable[[], str | None], sleep: Sleep) -> str | None:
    """Repeats an attempt that gives the code of an answer worth another try, None on success.

    Gives the last code once the tries are used up.
    """
    code = attempt()
    for failures in range(1, TRIES):
        if code is None:
            return None
        sleep(pause(failures))
        code = attempt()
    return code
