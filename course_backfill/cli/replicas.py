"""The locations of one ingest: how far each is, and what was found there."""

from __future__ import annotations

from rich.text import Text

from course_backfill.cli.copy_sentences import AUDIT, FINDINGS, WARM, kind_of, replicas_of
from course_backfill.cli.ingest_view import IngestView
from course_backfill.cli.printing import number, size
from course_backfill.cli.tables import Column, print_rows


def print_replicas(ingest: IngestView) -> None:
    """A row for each location, where there is more to tell than of the ingest as a whole."""
    replicas = replicas_of(ingest.document)
    kind = kind_of(ingest.document)
    if kind == WARM or (len(replicas) < 2 and kind != AUDIT):
        return
    names = Column("Location", [str(one["location"]) for one in replicas])
    statuses = Column("Status", [str(one["status"]) for one in replicas])
    copied = [
        Column("Copied", [number(one["objectsDone"]) for one in replicas], is_number=True),
        Column("Size", [size(one["bytesDone"]) for one in replicas], is_number=True),
    ]
    verified = Column("Right", [number(one["objectsVerified"]) for one in replicas], is_number=True)
    found = [
        Column(heading, [_count(one[name]) for one in replicas], is_number=True)
        for name, heading in zip(FINDINGS, ("Damaged", "Surplus", "Cold, unread"), strict=True)
    ]
    print_rows(names, [statuses, *([] if kind == AUDIT else copied), verified, *found])


def _count(count: int) -> Text | str:
    return Text(number(count), style="yellow") if count else ""
