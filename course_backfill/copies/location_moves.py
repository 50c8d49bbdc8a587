"""Ids of locations that point elsewhere than they did: told by name before anything is done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from course_backfill.addresses import Address
from course_backfill.courses import VersionReplica
from course_backfill.errors import LocationMoved
from course_backfill.ingests import PRIMARY, Ingest


def require_unmoved(ingest: Ingest, addresses: Mapping[str, Address]) -> None:
    """Raises LocationMoved where a location is not where it was when the ingest was started."""
    _require(
        f"location {name!r} was {before} when ingest {ingest.id} was started, and is {now} by now"
        for name, before in ingest.addresses.items()
        if (now := addresses.get(name, before)) != before and _may_use(ingest, name)
    )


def require_found_there(
    ingest: Ingest, registered: Iterable[VersionReplica], addresses: Mapping[str, Address]
) -> None:
    """Raises LocationMoved where a version was registered in another place than its location is.

    Of every location only the first such version is told.
    """
    first = {
        one.location: f"{one.version} was registered in location {one.location!r} when that was "
        f"{Address(bucket=one.bucket, prefix=one.prefix)}, and it is {now} by now"
        for one in sorted(registered, key=lambda one: one.registered_date, reverse=True)
        if (now := addresses.get(one.location)) is not None
        and (now.bucket, now.prefix) != (one.bucket, one.prefix)
        and _may_use(ingest, one.location)
    }
    _require(first[name] for name in sorted(first))


def unreached(ingest: Ingest, addresses: Mapping[str, Address]) -> list[str]:
    """The locations of the ingest that are not reached any more, each with where it was."""
    left = [
        name
        for name in ingest.locations
        if (now := addresses.get(name)) is None or ingest.addresses.get(name, now) != now
    ]
    known = ingest.addresses
    return [f"{name} ({known[name]})" if name in known else name for name in left]


def _may_use(ingest: Ingest, location: str) -> bool:
    """Audits and repairs compare with any location; others keep to those that they name."""
    is_anywhere = ingest.ends_with_findings or not ingest.locations
    return is_anywhere or location in {PRIMARY, ingest.source, *ingest.locations}


def _require(sentences: Iterator[str]) -> None:
    if told := list(sentences):
        raise LocationMoved("; ".join(told))
