"""Plans: which way a workload takes, from where to which locations. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from course_backfill.audits import Method
from course_backfill.locations import Location, is_copied_inside
from course_backfill.records import Record


class Destination(Record):
    """A location as far as it decides requests and prices."""

    id: str
    storage_class: str
    is_archive: bool = False
    is_streamed: bool = False
    """Whether what is copied there passes through a worker, and is not copied inside S3."""
    is_distant: bool = False
    """Whether it is in another region than what it is copied from."""


class EstimatePlan(Record):
    """The way: into `primary` if MongoDB is read, and from there, or from `source`, to others."""

    source: str
    """The location that further ones are copied from."""
    source_class: str
    primary: Destination | None = None
    others: tuple[Destination, ...] = ()
    verify: Method = "bytes"

    @classmethod
    def of(
        cls,
        locations: Sequence[Location],
        *,
        source: Location,
        reads_source: bool,
        verify: Method,
        region: str | None,
    ) -> Self:
        """To these locations; `reads_source`: MongoDB is read, into `source`, the primary."""
        return cls(
            source=source.id,
            source_class=source.storage_class,
            primary=_destination(source, source, region) if reads_source else None,
            others=tuple(
                _destination(one, source, region) for one in locations if one.id != source.id
            ),
            verify=verify,
        )


def _destination(one: Location, source: Location, region: str | None) -> Destination:
    is_self = one.id == source.id
    return Destination(
        id=one.id,
        storage_class=one.storage_class,
        is_archive=one.is_archive,
        is_streamed=not is_self and not is_copied_inside(source, one),
        is_distant=(one.region or region) != (source.region or region),
    )
