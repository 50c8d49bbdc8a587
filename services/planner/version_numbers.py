"""Version numbers: which one an ingest may take."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

from course_backfill.copies.places import Place
from course_backfill.courses import CourseId, version_id


def unused_number(course: CourseId, places: Iterable[Place], *, last: int) -> int:
    """The first number after `last` below whose prefix none of the places has anything.

    Tables that were restored to an earlier state do not know the latest numbers: what lies below
    them was registered, and would be taken for what this ingest wrote, and swept away with it.
    """
    wanted = list(places)
    return next(
        number
        for number in count(last + 1)
        if not any(_has_anything(place, course, version_id(number)) for place in wanted)
    )


def _has_anything(place: Place, course: CourseId, version: str) -> bool:
    prefix = place.location.version_prefix(course, version)
    return next(iter(place.reader.list(prefix)), None) is not None
