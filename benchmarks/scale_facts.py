"""What the limits of a large installation are computed from: its sizes, assumptions, measures."""

from __future__ import annotations

from dataclasses import dataclass

from course_backfill.packets import MAX_PACKET_BYTES, MAX_PACKET_OBJECTS

COPYING, VERIFYING, OTHERS, OTHER_FUNCTIONS = 8, 16, 4, 6
"""Functions at a time, by the stages' defaults."""
DEAD_LETTER_QUEUES, BURYING = 8, 2
"""What the janitor takes dead letters from, and how many of it take from each at a time."""
TIMEOUT, LONGEST_TIMEOUT = 300, 900
USUAL_DISK, LARGEST_DISK = 2_560, 10_240
"""MB of temporary disk of the planner, the verifier and the aggregator."""
CORE, SMALL_CORE = 1.0, 1_024 / 1_769
"""Processors of a function that hashes, and of any other."""
OBJECTS_PER_SECOND, BYTES_PER_SECOND, SOURCE_BYTES_PER_SECOND = 200, 60e6, 200e6
PACKET_SECONDS = MAX_PACKET_OBJECTS / OBJECTS_PER_SECOND + MAX_PACKET_BYTES / BYTES_PER_SECOND
"""Of a full packet."""
PLANNING, COMPARING, CLOSING, AGGREGATING = 123, 30, 81, 31
"""Seconds for a million objects, on this machine."""
WORK_LINE, ENTRY_LINE = 722, 926
"""Bytes of an object in work and manifest files, its name having 44."""
SORTED = 660 + 6 * 44
"""Bytes of temporary disk for an object: docs/operations.md, Temporary disk."""
INGEST, PACKET, ROW, MESSAGE = 1_819, 461, 378, 111
"""Bytes of items, and of a message."""
READ_SECONDS, LIST_SECONDS, TRANSACTION_SECONDS = 0.03, 0.15, 0.010
"""Of one request to S3 or DynamoDB: assumed."""
RESENT_EVERY = 900


@dataclass(frozen=True, slots=True)
class Size:
    """How large an installation is."""

    courses: int
    objects: int
    bytes: float

    @property
    def packets(self) -> int:
        """In each location."""
        return (
            self.objects // MAX_PACKET_OBJECTS + int(self.bytes) // MAX_PACKET_BYTES + self.courses
        )

    @property
    def copying_hours(self) -> float:
        """Until all is copied, by as many as stages have by default."""
        seconds = self.objects / OBJECTS_PER_SECOND + self.bytes / BYTES_PER_SECOND
        return seconds / COPYING / 3600


TARGET = Size(5_000, 50_000_000, 1e12)
TEN_TIMES = Size(50_000, 500_000_000, 1e13)
