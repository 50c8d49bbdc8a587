"""Guards of ends: an ingest is not ended for what was true of it earlier."""

from __future__ import annotations

from collections.abc import Callable

from course_backfill.errors import Conflict, Fenced
from course_backfill.ingests import Ingest

Guard = Callable[[Ingest], None]
"""Raises where the ingest, as it is by now, is not to be ended after all."""


def still_kept(now: Ingest) -> None:
    """Raises Conflict where its copies are kept no longer."""
    if not now.kept:
        raise Conflict(f"ingest {now.id} is kept no longer", ingest=now.id)


def unmoved(seen: Ingest) -> Guard:
    """What failed at one stage of one epoch says nothing of another: a worker may be late."""

    def check(now: Ingest) -> None:
        if (now.epoch, now.leg, now.stage) != (seen.epoch, seen.leg, seen.stage):
            raise Fenced(f"ingest {now.id} has moved on from {seen.stage} of epoch {seen.epoch}")

    return check
