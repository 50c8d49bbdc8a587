"""When nobody edits: uploads and course edits of the last weeks, by hour of the week."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo.collection import Collection

from course_backfill.adapters.contentstore.database import ContentstoreDatabase
from course_backfill.adapters.mongodb import Document

WEEKS = 8
_HOURS_OF_WEEK = 7 * 24
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A run of hours of the week, in UTC, and how many edits fell into it in eight weeks."""

    start: int
    hours: int
    edits: int

    def __str__(self) -> str:
        day, hour = divmod(self.start, 24)
        end = (hour + self.hours) % 24
        edits = "1 edit" if self.edits == 1 else f"{self.edits} edits"
        return f"{_DAYS[day]} {hour:02}:00 to {end:02}:00 ({edits})"


def edits_by_hour(
    database: ContentstoreDatabase, *, now: datetime, milliseconds: int
) -> Counter[int]:
    """Hour of the week (0 is Sunday 00:00 UTC) → edits; no query runs longer than allowed.

    Reads indexes rather than documents: an upload's date is in GridFS's own index, and a
    structure, which every edit adds, has its date in its id.
    """
    since = now - timedelta(weeks=WEEKS)
    files = database.files.with_options(read_preference=database.structures.read_preference)
    counted: Counter[int] = Counter()
    for collection, query, date in (
        (files, {"filename": {"$gte": ""}, "uploadDate": {"$gte": since}}, "$uploadDate"),
        (database.active_versions, {"edited_on": {"$gte": since}}, "$edited_on"),
        (database.structures, {"_id": {"$gte": ObjectId.from_datetime(since)}}, "$_id"),
    ):
        counted.update(_count(collection, query, date, milliseconds))
    return counted


def quietest(edits: Counter[int], *, hours: int = 4, runs: int = 3) -> list[QuietHours]:
    """The runs of so many hours with the fewest edits, none overlapping another."""
    sums = {
        start: sum(edits[(start + after) % _HOURS_OF_WEEK] for after in range(hours))
        for start in range(_HOURS_OF_WEEK)
    }
    found: list[QuietHours] = []
    for start, total in sorted(sums.items(), key=lambda item: (item[1], item[0])):
        distances = (abs(start - other.start) for other in found)
        if all(hours <= distance <= _HOURS_OF_WEEK - hours for distance in distances):
            found.append(QuietHours(start, hours, total))
        if len(found) == runs:
            break
    return found


def _count(
    collection: Collection[Document], query: Document, date: str, milliseconds: int
) -> dict[int, int]:
    group: dict[str, Any] = {"day": {"$dayOfWeek": date}, "hour": {"$hour": date}}
    rows = collection.aggregate(
        [{"$match": query}, {"$group": {"_id": group, "edits": {"$sum": 1}}}],
        maxTimeMS=milliseconds,
    )
    return {(row["_id"]["day"] - 1) * 24 + row["_id"]["hour"]: row["edits"] for row in rows}
