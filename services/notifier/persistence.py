"""How often something is told again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Persistence:
    """How often a delivery is tried, with gaps that double from `first` to `longest`."""

    attempts: int = 12
    first: timedelta = timedelta(seconds=30)
    longest: timedelta = timedelta(hours=6)

    def gap(self, attempts: int) -> timedelta:
        """The wait after so many attempts."""
        return min(self.first * (1 << min(attempts - 1, 20)), self.longest)
