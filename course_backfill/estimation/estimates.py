"""Estimates: what a workload takes, in time and money. Here are the values alone."""

from __future__ import annotations

from course_backfill.records import Record


class Workload(Record):
    """Courses and their objects. Sums of workloads are workloads."""

    courses: int = 0
    objects: int = 0
    bytes: int = 0
    large: int = 0
    """Objects that are stored in parts, of more than 8 MiB."""
    large_parts: int = 0
    huge: int = 0
    """Objects that are copied inside S3 in parts, of more than 64 MiB."""
    huge_parts: int = 0
    padding: int = 0
    """Bytes that all objects together lack to 128 KiB each."""
    packets: int = 0
    """About how many there are, in each location."""

    def plus(self, other: Workload) -> Workload:
        """Both of them."""
        sums = {
            name: getattr(self, name) + getattr(other, name) for name in type(self).model_fields
        }
        return Workload(**sums)


class CostLine(Record):
    """One thing that costs money; `location` where it is of one."""

    item: str
    location: str | None = None
    quantity: int
    unit: str
    cost_micros: int
    is_monthly: bool = False


class Estimate(Record):
    """What a workload takes; costs in millionths of `currency`, without what is cold.

    `seconds`: from the start to the end. Estimates of several workloads may be put `together`.
    """

    workload: Workload
    seconds: int
    workers: int
    """That are at work at a time, where there is so much to do."""
    copying_millis: int
    """Thousandths of seconds of workers, all together."""
    packet_millis: int
    """Likewise, of the one that has a full packet in hand, in every stage, when others are done."""
    listing_millis: int
    """Likewise, of one worker for each course."""
    source_millis: int
    """Likewise, in which MongoDB is read from at its rate."""
    currency: str
    once_micros: int
    monthly_micros: int
    lines: tuple[CostLine, ...]
