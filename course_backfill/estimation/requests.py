"""Requests: how often a workload on its way asks S3, DynamoDB, SQS and Lambda. Pure.

The numbers are those of ingests that meet no trouble; a test counts real ones and compares.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from course_backfill.estimation.estimates import Workload
from course_backfill.estimation.plans import Destination, EstimatePlan
from course_backfill.estimation.workloads import MANIFEST_FILES

LISTED_TOGETHER = 1_000
SENT_TOGETHER = 10


@dataclass(frozen=True, slots=True)
class BucketRequests:
    """To one location."""

    writes: int = 0
    """PUT, COPY, POST: also parts, and what opens and completes an upload."""
    lists: int = 0
    reads: int = 0
    """GET and HEAD."""


@dataclass(frozen=True, slots=True)
class StateItems:
    """Items that DynamoDB is asked to write or to compare, all in transactions, and to read."""

    puts: int = 0
    updates: int = 0
    checks: int = 0
    deletes: int = 0
    reads: int = 0

    def times(self, number: int) -> StateItems:
        """So many of them."""
        return StateItems(*(getattr(self, one.name) * number for one in fields(self)))

    def plus(self, other: StateItems) -> StateItems:
        """Both of them."""
        names = [one.name for one in fields(self)]
        return StateItems(*(getattr(self, name) + getattr(other, name) for name in names))


OF_SOURCE = StateItems(puts=29, updates=5, checks=1, deletes=1, reads=40)
"""Of an ingest that reads MongoDB, whatever its packets."""
OF_SECOND_LEG = StateItems(puts=9, reads=10)
"""Besides, where it goes on to further locations."""
OF_COPIES = StateItems(puts=22, updates=2, deletes=1, reads=35)
"""Of an ingest between locations."""
OF_LOCATION = StateItems(puts=4, updates=2, checks=1, reads=3)
"""Of each further location."""
OF_LOCATION_ALONE = StateItems(puts=4, updates=2, checks=3, reads=3)
"""The same of an ingest between locations."""
OF_PACKET = StateItems(puts=1, updates=6, checks=4, reads=8)
"""Of each packet, which is claimed and ended in each of two stages."""


def primary_requests(work: Workload, plan: EstimatePlan) -> BucketRequests:
    """To the location that is filled from MongoDB, or that others are filled from."""
    stored = work.objects + MANIFEST_FILES * work.courses
    pages = work.objects // LISTED_TOGETHER + work.courses
    writes = lists = reads = 0
    if plan.primary is not None:
        writes = stored - work.large + 2 * work.large + work.large_parts
        # And a look below the version's prefix, which has to be empty.
        lists = pages + work.courses + work.large
        # The stored sha256 of what went up in parts is none of the whole: that is read.
        reads = stored + (work.large if plan.verify == "checksums" else 0)
    for other in plan.others:
        lists += pages
        reads += 2 * work.courses + _reads_to_copy(work, other, stored)
    return BucketRequests(writes, lists, reads)


def location_requests(work: Workload, other: Destination, plan: EstimatePlan) -> BucketRequests:
    """To a location that is filled from another."""
    stored = work.objects + MANIFEST_FILES * work.courses
    parted = work.large if other.is_streamed else work.huge
    parts = work.large_parts if other.is_streamed else work.huge_parts
    reads_twice = plan.verify == "checksums" and not other.is_archive
    pages = work.objects // LISTED_TOGETHER + work.courses
    return BucketRequests(
        writes=stored - parted + 2 * parted + parts,
        lists=2 * pages + (work.courses if plan.primary is not None else 0) + parted,
        reads=stored + (0 if other.is_streamed else work.huge) + (work.large if reads_twice else 0),
    )


def work_requests(work: Workload, plan: EstimatePlan) -> BucketRequests:
    """To the work bucket: inventories, lists and results."""
    first = plan.primary is not None
    others = len(plan.others)
    return BucketRequests(
        writes=first * (work.courses + 2 * work.packets)
        + others * (work.courses + 2 * work.packets),
        reads=first * (work.courses + 6 * work.packets)
        + others * (2 * work.courses + 3 * work.packets),
    )


def state_items(work: Workload, plan: EstimatePlan) -> StateItems:
    """Of the tables; whoever ends a packet between locations looks at the replica of each."""
    others = len(plan.others)
    looks = StateItems(reads=2 * others)
    brought = OF_PACKET.plus(looks).times(others * work.packets)
    if plan.primary is None:
        alone = OF_COPIES.plus(OF_LOCATION_ALONE.times(others))
        return brought.plus(alone.times(work.courses))
    course = OF_SOURCE.plus(OF_SECOND_LEG if others else StateItems())
    course = course.plus(OF_LOCATION.times(others))
    return course.times(work.courses).plus(OF_PACKET.times(work.packets)).plus(brought)


def messages(work: Workload, plan: EstimatePlan) -> int:
    """Each is one call of a function."""
    courses, packets, others = work.courses, work.packets, len(plan.others)
    first = 4 * courses + 2 * packets if plan.primary is not None else 2 * courses
    return first + (2 * courses if others else 0) + others * 2 * packets


def queue_requests(work: Workload, plan: EstimatePlan) -> int:
    """Each message is received and deleted by itself, and sent together with others of its step."""
    legs = (plan.primary is not None) + bool(plan.others)
    packets = work.packets * ((plan.primary is not None) + len(plan.others))
    alone = messages(work, plan) - 2 * packets
    sent = alone + 2 * (legs * work.courses + packets // SENT_TOGETHER)
    return 2 * messages(work, plan) + sent


def _reads_to_copy(work: Workload, other: Destination, stored: int) -> int:
    """Of what is copied inside S3, the checksum of huge objects; else all there is.

    S3 shows no sha256 of what went up in parts: to prove a cold copy of it, it is read.
    """
    proven = work.large if other.is_archive else 0
    return proven + (stored if other.is_streamed else work.huge)
