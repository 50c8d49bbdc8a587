"""Repairs: which copy, if any, a damaged object is made anew from. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from course_backfill.cold.storage import Tier, Warmth, restore_time
from course_backfill.copies.expected_objects import ExpectedObject
from course_backfill.failures import Failure

DAMAGE = frozenset({"object-missing", "fixity-mismatch"})
"""What an audit finds that a repair mends."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """The object that a location has at the key now, if it has the size that it is to have."""

    etag: str | None
    archive: str | None
    warmth: Warmth


def good_locations(
    holders: Sequence[str], damaged: Collection[str], unread: Collection[str]
) -> list[str]:
    """The locations where an audit saw for itself that its key is as it is to be.

    `holders` are all that it looked at and that are to hold the key.
    """
    return [one for one in holders if one not in damaged and one not in unread]


def planned_repair(
    wanted: ExpectedObject, damage: Failure, good: Sequence[str], now: Mapping[str, Candidate]
) -> ExpectedObject:
    """How a damaged object is mended: from where, and what it replaces.

    Of the `good` locations the one counts whose object can be read soonest, of several the first;
    `now` says what is there by now. Without any, `source` stays None.
    """
    there = [one for one in good if one in now]
    repair = replace(wanted, damaged_etag=damage.etag, damaged_sha256=damage.sha256)
    if not there:
        return repair
    source = min(there, key=lambda one: _slowness(now[one]))
    return replace(repair, source=source, etag=now[source].etag, archive=now[source].archive)


def _slowness(one: Candidate) -> tuple[int, timedelta]:
    """Sorts what can be read before what is being restored, and what is cold comes last.

    Of what is alike, what needs no restoring comes first: a restored copy may expire.
    """
    takes = restore_time(one.archive, Tier.STANDARD) if one.archive else None
    return list(Warmth).index(one.warmth), takes or timedelta()
