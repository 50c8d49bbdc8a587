"""Which courses there are: what the modulestore lists, and what the contentstore holds besides."""

from __future__ import annotations

from collections.abc import Iterator

from bson.raw_bson import RawBSONDocument

from course_backfill.adapters.contentstore.course_keys import CourseKeys, old_key, split_key
from course_backfill.adapters.contentstore.database import ContentstoreDatabase
from course_backfill.adapters.contentstore.ids import (
    LIBRARY_RUN,
    OLD_TAG,
    SPLIT_PREFIX,
    split_course,
)
from course_backfill.adapters.mongodb import Document
from course_backfill.courses import NO_RUN, CourseId


def discover(database: ContentstoreDatabase) -> Iterator[CourseId]:
    """Every course, each once; keys that cannot be used are skipped with one warning.

    Libraries come up only where they have files. Reads the small course collections and parts of
    the files documents' `_id` index, no document of a file.
    """
    keys = CourseKeys()
    for row in database.active_versions.find({}, {"_id": 0, "org": 1, "course": 1, "run": 1}):
        if row.get("run") != LIBRARY_RUN:
            yield from keys.new(split_key(row.get("org"), row.get("course"), row.get("run")))
    claimed = set()
    for course in old_courses(database, keys):
        claimed.add((course.org, course.course))
        yield course
    for key in _split_keys_of_files(database):
        yield from keys.new(key)
    for org, number in _old_names_of_files(database) - claimed:
        yield from keys.new(old_key(org, number, NO_RUN))
    keys.log_refused()


def old_courses(
    database: ContentstoreDatabase, keys: CourseKeys, **names: str
) -> Iterator[CourseId]:
    """The courses of the old modulestore; with `org` and `course`, only those of these names."""
    query: Document = {"_id": {"$gte": {}}, "_id.tag": "i4x", "_id.category": "course"}
    query |= {f"_id.{field}": value for field, value in names.items()}
    for row in database.old_blocks.find(query, {"_id": 1}):
        block = row["_id"]
        yield from keys.new(old_key(block.get("org"), block.get("course"), block.get("name")))


def _split_keys_of_files(database: ContentstoreDatabase) -> Iterator[str]:
    """Seeks from course to course in the `_id` index: as many steps as there are courses."""
    after = SPLIT_PREFIX
    while True:
        found = database.files.find_one(
            {"_id": _between(after, SPLIT_PREFIX[:-1] + ";")}, {"_id": 1}, sort=[("_id", 1)]
        )
        if found is None:
            return
        key, after = split_course(found["_id"])
        yield key


def _between(after: str, end: str) -> RawBSONDocument:
    """The filter `{$gt: after, $lt: end}`; `after` may hold bytes that are no UTF-8.

    Such text cannot be encoded by the driver, and any other text would seek to another place.
    """
    body = b""
    for operator, text in ((b"$gt", after), (b"$lt", end)):
        data = text.encode("utf-8", "surrogateescape") + b"\0"
        body += b"\x02" + operator + b"\0" + len(data).to_bytes(4, "little") + data
    return RawBSONDocument((len(body) + 5).to_bytes(4, "little") + body + b"\0")


def _old_names_of_files(database: ContentstoreDatabase) -> set[tuple[object, object]]:
    """Org and course of each c4x id: the ids that are subdocuments, from the index alone."""
    ids = database.files.find({"_id": {"$gte": {}}}, {"_id": 1}, hint={"_id": 1})
    old = (row["_id"] for row in ids if row["_id"].get("tag") == OLD_TAG)
    return {(_hashable(one.get("org")), _hashable(one.get("course"))) for one in old}


def _hashable(value: object) -> object:
    return value if isinstance(value, str) else type(value)
