"""How often, and after what pauses, adapters try again what boto3 does not repeat by itself."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Sleep = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Backoff:
    """`tries` attempts with pauses between them, in seconds.

    A pause is random, so that those who met once do not meet again: up to `first` after the first
    failure, twice as much after each further one, and never more than `longest`.
    """

    tries: int
    first: float
    longest: float

    def pause(self, failures: int) -> float:
        """The pause after so many failures in a row, at least one."""
        limit = min(self.longest, self.first * 2.0 ** (failures - 1))
        return random.uniform(0, limit)  # noqa: S311 - It spreads attempts and hides nothing.

    def attempts(self, sleep: Sleep) -> Iterator[int]:
        """Counts the attempts from 0, and pauses before each but the first.

        Whoever succeeds leaves the loop; after its end, every attempt has failed.
        """
        for attempt in range(self.tries):
            if attempt:
                sleep(self.pause(attempt))
            yield attempt
