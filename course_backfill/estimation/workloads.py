"""Counts workloads: of objects that pass by, or assumed where there are none to count. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from course_backfill import packets
from course_backfill.estimation.estimates import Workload
from course_backfill.estimation.rates import Rates
from course_backfill.uploads import MIB, PART_BYTES, part_size

COPIED_WHOLE = 64 * MIB
"""Up to this size one request copies an object inside S3; larger ones go in parts of this size."""
LEAST_BILLED = 128 * 1024
"""Bytes that storage classes for what is rarely read bill of an object at least."""
MANIFEST_FILES = 3
"""That a version has beside its objects."""


@dataclass(slots=True)
class WorkloadCount:
    """Counts the objects of one course as they pass by, into sums of a workload."""

    objects: int = 0
    bytes: int = 0
    large: int = 0
    large_parts: int = 0
    huge: int = 0
    huge_parts: int = 0
    padding: int = 0

    def add(self, size: int) -> None:
        """Takes the next object, of so many bytes."""
        self.objects += 1
        self.bytes += size
        self.padding += max(0, LEAST_BILLED - size)
        if size > PART_BYTES:
            self.large += 1
            self.large_parts += -(-size // part_size(size))
        if size > COPIED_WHOLE:
            self.huge += 1
            self.huge_parts += -(-size // max(COPIED_WHOLE, part_size(size)))

    def workload(self) -> Workload:
        """One course of these objects; nothing where there were none."""
        if not self.objects:
            return Workload()
        return Workload(courses=1, packets=packets_about(self.objects, self.bytes), **asdict(self))


def assumed_workload(*, courses: int, objects: int, size: int, rates: Rates) -> Workload:
    """What courses of so many objects and bytes (`size`) in all may look like.

    A share of the bytes is taken to be in large objects of one size, all other bytes to be spread
    over small ones.
    """
    if not (courses and objects):
        return Workload()
    each = int(rates.large_object_megabytes * 1_000_000)
    large = min(objects, int(size * rates.large_share) // each)
    is_huge = each > COPIED_WHOLE
    return Workload(
        courses=courses,
        objects=objects,
        bytes=size,
        large=large,
        large_parts=large * -(-each // part_size(each)),
        huge=large if is_huge else 0,
        huge_parts=large * -(-each // COPIED_WHOLE) if is_huge else 0,
        padding=max(0, objects * LEAST_BILLED - int(size * (1 - rates.large_share))),
        packets=packets_about(objects, size) + courses - 1,
    )


def packets_about(objects: int, size: int) -> int:
    """Packets of one course, manifest files included."""
    by_number = -(-(objects + MANIFEST_FILES) // packets.MAX_PACKET_OBJECTS)
    return by_number + size // packets.MAX_PACKET_BYTES
