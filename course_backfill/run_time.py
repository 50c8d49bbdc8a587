"""The time that a run has: AWS Lambda ends it then, whatever it is doing; a machine never does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from math import inf
from typing import TypeVar

from course_backfill.errors import OutOfTime

MARGIN_SECONDS = 30.0
"""Nothing is begun so shortly before the end: what is under way is finished, and given back."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a run stops by itself, so that it is not stopped."""

    seconds: float
    """That the run had."""
    stop: float
    now: Callable[[], float] = time.monotonic

    def check(self) -> None:
        """Raises OutOfTime once it is time to stop; safe to call from several threads."""
        if self.now() >= self.stop:
            raise OutOfTime(f"not done in a run of {self.seconds:.0f} s")


_UNLIMITED = Deadline(seconds=inf, stop=inf)
_present: ContextVar[Deadline] = ContextVar("deadline", default=_UNLIMITED)


def deadline() -> Deadline:
    """The present run's; threads that it starts have to be given it."""
    return _present.get()


@contextmanager
def limited(seconds: float, *, now: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """The block is a run that has so many seconds."""
    stop = now() + seconds - MARGIN_SECONDS
    token = _present.set(Deadline(seconds=seconds, stop=stop, now=now))
    try:
        yield
    finally:
        _present.reset(token)


def in_time(items: Iterable[T]) -> Iterator[T]:
    """The same items; raises OutOfTime between two of them."""
    present = deadline()
    for item in items:
        present.check()
        yield item
