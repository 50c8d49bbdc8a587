"""A course of very many tiny files, written to MongoDB in bulk."""

from __future__ import annotations

from datetime import UTC, datetime

from pymongo.database import Database

from course_backfill.adapters.contentstore.platform_files import file_id, platform_file
from course_backfill.adapters.mongodb import Document
from course_backfill.courses import CourseId

COURSE = CourseId.parse("course-v1:Bench+Scale+1")
CONTENT = b"what a tiny file has"
TOGETHER = 5_000
_UPLOADED = datetime(2026, 3, 2, 8, tzinfo=UTC)


def write_tiny_files(number: int, database: Database[Document]) -> None:
    """So many files documents, each with its one chunk; names are as long as real ones."""
    chunks, files = database["fs.chunks"], database["fs.files"]
    chunks.create_index([("files_id", 1), ("n", 1)], unique=True)
    for start in range(0, number, TOGETHER):
        numbers = range(start, min(start + TOGETHER, number))
        names = [name_of(one) for one in numbers]
        files.insert_many(
            [platform_file(COURSE, one, CONTENT, uploaded=_UPLOADED).document for one in names],
            ordered=False,
        )
        chunks.insert_many(
            [{"files_id": file_id(COURSE, one), "n": 0, "data": CONTENT} for one in names],
            ordered=False,
        )


def name_of(number: int) -> str:
    """Neighbours in number are none in the order of names."""
    return f"lecture_{number * 7919 % 1_000_003:07d}_slides_and_notes_{number:07d}.png"
