"""What the index of the chunks alone shows to be wrong with files, before a byte is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pymongo.client_session import ClientSession

from course_backfill.adapters.contentstore.chunk_sequence import (
    ChunkSequence,
    fault_of_numbers,
)
from course_backfill.adapters.contentstore.database import CHUNK_INDEX, ContentstoreDatabase
from course_backfill.adapters.contentstore.ids import key_of
from course_backfill.adapters.mongodb import Document
from course_backfill.inventory import Fault, SourceObject


class ChunkIndex:
    """Compares chunk numbers with files documents, from the `(files_id, n)` index."""

    def __init__(self, database: ContentstoreDatabase) -> None:
        self._database = database

    def faults(self, objects: Sequence[SourceObject]) -> list[Fault | None]:
        """For each object, in order, what its chunk numbers show; every object must be readable.

        One query for all; a second look, on the primary, only at those that seem at fault.
        """
        with self._database.reading() as session:
            rows = self._database.chunks.aggregate(
                summary([found.source_id for found in objects]), hint=CHUNK_INDEX, session=session
            )
            seen = {key_of(row["_id"]): (row["count"], row["first"], row["last"]) for row in rows}
            return [
                None
                if seen.get(key_of(found.source_id), (0, 0, -1)) == _expected(found)
                else self._look_closely(found, session)
                for found in objects
            ]

    def _look_closely(self, found: SourceObject, session: ClientSession) -> Fault | None:
        chunks = self._database.primary_chunks

        def holds_bytes(number: object) -> bool:
            query = {"files_id": found.source_id, "n": number, "data": {"$nin": [b"", None]}}
            row = chunks.find_one(query, {"_id": 1}, hint=CHUNK_INDEX, session=session)
            return row is not None

        rows = chunks.find(
            {"files_id": found.source_id},
            {"_id": 0, "n": 1},
            sort=list(CHUNK_INDEX.items()),
            hint=CHUNK_INDEX,
            session=session,
        )
        return fault_of_numbers(found, (row.get("n") for row in rows), holds_bytes)


def summary(ids: Iterable[Any]) -> list[Document]:
    """The pipeline that counts the chunks of files and finds their first and last numbers."""
    return [
        {"$match": {"files_id": {"$in": list(ids)}}},
        {
            "$group": {
                "_id": "$files_id",
                "count": {"$sum": 1},
                "first": {"$min": "$n"},
                "last": {"$max": "$n"},
            }
        },
    ]


def _expected(found: SourceObject) -> tuple[int, int, int]:
    """Numbers are unique by the index: so many of them, from 0 to the last, are all of them."""
    count = ChunkSequence(found).count
    return count, 0, count - 1
