"""Rules of the configured locations together: which is first, and that none is another's place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from course_backfill.addresses import Address
from course_backfill.ingests import PRIMARY
from course_backfill.locations import Location

AT_MOST = 16
"""An ingest's transactions hold a handful of writes and two for each location; 100 is the limit."""


def location_problems(
    locations: Sequence[Location], *, work_bucket: str | None, endpoint_url: str | None
) -> Iterator[str]:
    """A sentence for everything that is wrong; `endpoint_url` is that of the installation.

    Without `work_bucket`, which may be wrong itself, no location is held against it.
    """
    if not locations:
        yield f'expected at least one location, the first with the id "{PRIMARY}"'
        return
    yield from _of_first(locations[0])
    if len(locations) > AT_MOST:
        yield f"expected at most {AT_MOST} locations, and there are {len(locations)}"
    for name, times in Counter(location.id for location in locations).items():
        if times > 1:
            yield f"expected each location to have its own id, and {name!r} is there {times} times"
    by_address: dict[Address, str] = {}
    for location in locations:
        address = location.address(endpoint_url)
        there = by_address.setdefault(address, location.id)
        if there != location.id:
            yield (
                f"expected different places, and {there!r} and {location.id!r} are the same: "
                "give one of them another bucket or prefix"
            )
        if location.bucket == work_bucket and address.server is None:
            yield (
                f"expected a bucket that is not the work bucket for {location.id!r}: "
                f"what lies in {work_bucket} expires"
            )


def _of_first(first: Location) -> Iterator[str]:
    if first.id != PRIMARY:
        yield f'expected the id "{PRIMARY}" for the first location, which readers are served from'
    if not first.required:
        yield f"expected {first.id!r} to be required: every ingest fills it first"
    if first.is_archive:
        yield (
            f"expected a storage class for {first.id!r} that is read without restoring, "
            f"and {first.storage_class} is not"
        )
