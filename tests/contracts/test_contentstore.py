"""What only a real MongoDB can show: covered queries, hostile bytes, lost connections, replicas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

from course_backfill.adapters.contentstore import ContentstoreSource
from course_backfill.adapters.contentstore.chunk_index import summary
from course_backfill.adapters.contentstore.database import CHUNK_INDEX
from course_backfill.adapters.contentstore.platform_files import platform_file
from course_backfill.adapters.mongodb import Document
from course_backfill.courses import CourseId
from course_backfill.errors import SourceRefused
from course_backfill.inventory import Fault, SourceObject
from course_backfill.ports import ReadObject
from tests.contracts.source_fixtures import MongoContent

SPLIT = CourseId.parse("course-v1:Org+Course+Run")
OLD = CourseId.parse("Org/Course/2013")
UPLOADED = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.fixture
def content(database: Database[Document]) -> MongoContent:
    return MongoContent(database)


@pytest.fixture
def source(database: Database[Document]) -> ContentstoreSource:
    return ContentstoreSource(client=database.client, database=database.name)


def stages(plan: Any) -> Iterator[str]:
    """The names of all stages of a query plan."""
    if isinstance(plan, dict):
        if isinstance(plan.get("stage"), str):
            yield plan["stage"]
        for inner in plan.values():
            yield from stages(inner)
    elif isinstance(plan, list):
        for inner in plan:
            yield from stages(inner)


# --- what the server reads ----------------------------------------------------------------------


def test_the_chunk_check_reads_the_index_and_no_chunk(
    database: Database[Document], content: MongoContent
) -> None:
    ids = [content.save(course, "a.txt", b"abc") for course in (SPLIT, OLD)]

    command = {
        "aggregate": "fs.chunks",
        "pipeline": summary(ids),
        "hint": CHUNK_INDEX,
        "cursor": {},
    }
    explained = database.command("explain", command, verbosity="executionStats")
    assert "IXSCAN" in set(stages(explained["queryPlanner"]["winningPlan"]))
    assert not set(stages(explained["queryPlanner"]["winningPlan"])) & {"FETCH", "COLLSCAN"}
    assert explained["executionStats"]["totalDocsExamined"] == 0


def test_the_closer_look_at_a_suspect_reads_no_chunk_either(
    database: Database[Document], content: MongoContent
) -> None:
    raw_id = content.save(OLD, "a.txt", b"abc")

    rows = database["fs.chunks"].find(
        {"files_id": raw_id},
        {"_id": 0, "n": 1},
        sort=list(CHUNK_INDEX.items()),
        hint=CHUNK_INDEX,
    )
    assert set(stages(rows.explain()["queryPlanner"]["winningPlan"])) == {
        "PROJECTION_COVERED",
        "IXSCAN",
    }


def test_without_the_index_of_chunks_reading_is_refused(
    database: Database[Document], content: MongoContent, source: ContentstoreSource
) -> None:
    content.save(SPLIT, "a.txt", b"abc")
    [found] = source.inventory(SPLIT, check_chunks=False)
    database["fs.chunks"].drop_indexes()

    for read in (
        lambda: list(source.inventory(SPLIT, check_chunks=True)),
        lambda: list(source.read_batch([found])),
        lambda: list(source.stream(found)),
    ):
        with pytest.raises(SourceRefused, match=r"no index on \(files_id, n\)"):
            read()


def test_discovery_steps_from_course_to_course(
    database: Database[Document], content: MongoContent, source: ContentstoreSource
) -> None:
    courses = [CourseId.parse(f"course-v1:Org+Course+{run}") for run in ("A", "B", "C")]
    for course in courses:
        for number in range(50):
            content.save(course, f"{number}.txt", b"")
    database.command("profile", 2)
    found = list(source.discover())
    database.command("profile", 0)

    assert found == courses
    steps = list(database["system.profile"].find({"ns": f"{database.name}.fs.files"}))
    assert sum(step["keysExamined"] for step in steps) < 10
    assert sum(step["docsExamined"] for step in steps) == 0


# --- bytes that are no text ---------------------------------------------------------------------


def insert_spoilt(database: Database[Document], document: Document, spoilt: bytes) -> None:
    """Stores the document with `SPOILT` in it replaced by as many bytes that are no UTF-8."""
    data = bson.encode(document).replace(b"SPOILT", spoilt)
    database["fs.files"].insert_one(RawBSONDocument(data))


@pytest.mark.parametrize("spoilt", [b"\xff\xfe\x80\x80\xc3(", b"\xed\xa0\x80\xed\xb0\x80"])
@pytest.mark.parametrize("course", [SPLIT, OLD], ids=["split", "old"])
def test_a_name_that_is_no_utf8_is_a_fault_of_its_file_alone(
    database: Database[Document],
    content: MongoContent,
    source: ContentstoreSource,
    course: CourseId,
    spoilt: bytes,
) -> None:
    content.save(course, "good.txt", b"good")
    made = platform_file(course, "a-SPOILT", b"", uploaded=UPLOADED)
    insert_spoilt(database, made.document, spoilt)

    found = {one.path: one for one in source.inventory(course, check_chunks=True)}
    good = found.pop("assets/good.txt")
    [bad] = found.values()
    assert good.fault is None
    assert bad.path.startswith("assets/a-\\x")
    assert bad.fault is not None
    assert bad.fault.code == "invalid-document"
    assert bad.fault.detail.startswith("not valid UTF-8: _id, ")
    assert SourceObject.from_line(bad.to_line()) == bad
    assert list(source.read_batch([bad])) == [ReadObject(bad, bad.fault)]
    assert source.current([bad, good]) == [bad, good]


def test_a_field_that_is_no_utf8_is_named(
    database: Database[Document], content: MongoContent, source: ContentstoreSource
) -> None:
    fields = {"displayname": "SPOILT", "more": {"deep": ["SPOILT"]}, "key-SPOILT": 1}
    made = platform_file(SPLIT, "a.txt", b"", uploaded=UPLOADED, fields=fields)
    insert_spoilt(database, made.document, b"\xff" * 6)

    [found] = source.inventory(SPLIT, check_chunks=True)
    assert found.fault is not None
    assert found.fault.detail == (
        "not valid UTF-8: displayname, more, key-\\xff\\xff\\xff\\xff\\xff\\xff"
    )


def test_a_course_key_that_is_no_utf8_hides_no_other_course(
    database: Database[Document], content: MongoContent, source: ContentstoreSource
) -> None:
    spoilt = CourseId("Org", "Course", "RSPOILT")
    for name in ("a", "b"):
        made = platform_file(spoilt, name, b"", uploaded=UPLOADED)
        insert_spoilt(database, made.document, b"\xff\xc3\x28\x80\xfe\xff")
    later = CourseId.parse("course-v1:Org+Course+Ж")
    content.save(later, "a.txt", b"")
    content.save(SPLIT, "a.txt", b"")

    assert set(source.discover()) == {SPLIT, later}


def test_dates_beyond_the_calendar_are_kept(
    database: Database[Document], source: ContentstoreSource
) -> None:
    MongoContent(database)
    made = platform_file(SPLIT, "a.txt", b"", uploaded=UPLOADED)
    far = bson.encode(made.document | {"edited": bson.DatetimeMS(2**60)})
    database["fs.files"].insert_one(RawBSONDocument(far))

    [found] = source.inventory(SPLIT, check_chunks=True)
    assert found.fault is None
    assert found.metadata["edited"] == {"$date": {"$numberLong": str(2**60)}}


# --- chunks that pose as others' ----------------------------------------------------------------


def test_a_chunk_of_an_array_of_ids_belongs_to_no_file(
    database: Database[Document], content: MongoContent, source: ContentstoreSource
) -> None:
    raw_id = content.save(SPLIT, "a.txt", b"abc")
    database["fs.chunks"].insert_one({"files_id": [raw_id], "n": 1, "data": b"xyz"})
    [found] = source.inventory(SPLIT, check_chunks=True)
    assert found.fault is None

    [read] = source.read_batch([found])
    assert read.content == b"abc"


def test_a_chunk_without_binary_data_is_truncated(
    database: Database[Document], content: MongoContent, source: ContentstoreSource
) -> None:
    raw_id = content.save(SPLIT, "a.txt", b"abc")
    database["fs.chunks"].update_one({"files_id": raw_id}, {"$set": {"data": "abc"}})
    [found] = source.inventory(SPLIT, check_chunks=True)

    assert found.fault is None

    [read] = source.read_batch([found])
    assert read.content == Fault("truncated-chunk", "chunk 0 has 0 bytes instead of 3")


# --- edits in the middle ------------------------------------------------------------------------


class OnCommand(CommandListener):
    """Calls `then` once, just before the first command of that name leaves for the server."""

    def __init__(self, name: str, then: Callable[[], object]) -> None:
        self._name = name
        self._then: Callable[[], object] | None = then

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name == self._name and self._then:
            then, self._then = self._then, None
            then()

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Not of interest."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Not of interest."""


def inventory_with_edit(database: Database[Document], edit: Callable[[], object]) -> list[Any]:
    """An inventory with the edit falling between its documents and its look at their chunks."""
    listener = OnCommand("aggregate", edit)
    host, port = database.client.address or ("", 0)
    with MongoClient[Document](
        host, port, directConnection=True, event_listeners=[listener]
    ) as client:
        watched = ContentstoreSource(client=client, database=database.name)
        return list(watched.inventory(SPLIT, check_chunks=True))


def test_a_file_saved_again_under_the_check_is_described_anew(
    database: Database[Document], content: MongoContent
) -> None:
    content.save(SPLIT, "a.txt", b"short", chunk_bytes=10)

    [found] = inventory_with_edit(
        database, lambda: content.save(SPLIT, "a.txt", b"x" * 25, chunk_bytes=10)
    )
    assert (found.size, found.fault) == (25, None)


def test_a_file_deleted_under_the_check_is_left_out(
    database: Database[Document], content: MongoContent
) -> None:
    raw_id = content.save(SPLIT, "a.txt", b"abc")

    assert inventory_with_edit(database, lambda: content.delete(raw_id)) == []


def test_a_chunk_lost_under_the_check_is_a_fault_for_the_document_stayed(
    database: Database[Document], content: MongoContent
) -> None:
    raw_id = content.save(SPLIT, "a.txt", b"abc")

    [found] = inventory_with_edit(database, lambda: content.drop_chunk(raw_id, 0))
    assert found.fault.code == "missing-chunk"
