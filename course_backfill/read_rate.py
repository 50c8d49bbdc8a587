"""The read rate: from when on whoever wants to read content of the source may read it. Pure.

All workers share one record of what is given out (virtual scheduling): who wants `size` bytes gets
the stretch of time behind everybody else's that they take at the rate, and waits for its beginning.
Times are whole microseconds of a time that the workers make up together: no clock of theirs counts
by itself, and the one that stands furthest ahead leads.
"""

from __future__ import annotations

from dataclasses import dataclass

MICROS = 1_000_000

MOST_AHEAD = 10 * MICROS
"""Nothing is given out that begins later. With the length of one share it is the most that overlaps
where a faster clock turns up; a worker that dies loses the share that it waits for, whole."""

_SHARES_PER_SECOND = 4
_SMALLEST, _LARGEST = 256 * 1024, 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class GivenOut:
    """What is given out: everything until `until`. `seen`: the latest moment any clock showed."""

    until: int = 0
    seen: int = 0

    def ahead(self, now: int) -> int:
        """Microseconds from now until the next share would begin."""
        return max(self.until - max(now, self.seen), 0)

    def with_share(self, size: int, *, now: int, rate: int) -> GivenOut:
        """With a share of so many bytes, at least one, that begins in `ahead(now)`."""
        seen = max(now, self.seen)
        return GivenOut(until=max(self.until, seen) + -(-size * MICROS // rate), seen=seen)


def share_bytes(rate: int) -> int:
    """Bytes of a usual share: the fewer a second there are, the less they cost and collide."""
    return min(max(rate // _SHARES_PER_SECOND, _SMALLEST), _LARGEST)
