"""What every course source does with courses and documents: the same cases on each of them."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Decimal128, Int64, ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_backfill.adapters.contentstore.platform_files import file_id, platform_file
from course_backfill.courses import CourseId
from course_backfill.inventory import SourceObject
from course_backfill.ports import CourseSource
from tests.contracts.source_fixtures import Store

SPLIT = CourseId.parse("course-v1:Org+Course+Run")
OLD = CourseId.parse("Org/Course/2013")
UPLOADED = datetime(2026, 3, 2, 8, 0, 0, 123000, tzinfo=UTC)


def objects_of(source: CourseSource, course: CourseId) -> dict[str, SourceObject]:
    return {found.path: found for found in source.inventory(course, check_chunks=True)}


def only_object(store: Store, course: CourseId = SPLIT) -> SourceObject:
    [found] = store.source.inventory(course, check_chunks=True)
    return found


# --- discovery ----------------------------------------------------------------------------------


def test_courses_come_from_both_modulestores_and_from_files_each_once(store: Store) -> None:
    listed, with_files = SPLIT, CourseId.parse("course-v1:Org+Course+Files")
    for course in (listed, OLD, CourseId.parse("Org/Course/2014")):
        store.content.add_course(course)
    for course in (listed, with_files, OLD):
        store.content.save(course, "a.txt", b"a")
        store.content.save(course, "b.txt", b"b", kind="thumbnail")

    assert sorted(map(str, store.source.discover())) == [
        "Org/Course/2013",
        "Org/Course/2014",
        "course-v1:Org+Course+Files",
        "course-v1:Org+Course+Run",
    ]


def test_old_files_that_no_course_claims_belong_to_a_course_without_a_run(store: Store) -> None:
    store.content.add_course(OLD)
    store.content.save(OLD, "claimed.txt", b"a")
    left_over = CourseId.parse("Org/Other/any")
    store.content.save(left_over, "left-over.txt", b"b")

    assert set(map(str, store.source.discover())) == {"Org/Course/2013", "Org/Other/_norun"}
    [found] = store.source.inventory(CourseId.parse("Org/Other/_norun"), check_chunks=True)
    assert found.path == "assets/left-over.txt"


def test_libraries_come_up_only_with_files(store: Store) -> None:
    store.content.add_row("Org", "Empty", "library")
    store.content.add_row("Org", "Full", "library")
    key = "asset-v1:Org+Full+type@asset+block@a.txt"  # A library's own form: without a run.
    library = CourseId.parse("course-v1:Org+Full+library")
    store.content.save(library, "b.txt", b"b")
    made = platform_file(library, "a.txt", b"a", uploaded=UPLOADED, fields={"_id": key})
    store.content.insert(made.document, {0: b"a"})

    assert list(store.source.discover()) == [library]
    assert set(objects_of(store.source, library)) == {"assets/a.txt", "assets/b.txt"}


def test_hostile_course_keys_are_skipped_with_one_warning(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    store.content.add_course(SPLIT)
    for part in ("..", "a/b", "a+b", "x" * 300, "new\nline", "", None, 7):
        store.content.add_row(part, "Course", "Run")
        store.content.add_row("Org", "Course", part, is_old=True)
    for hostile in ("asset-v1:no type", "asset-v1:a+b+c+d+type@asset+block@x"):
        document = platform_file(SPLIT, "x", b"", uploaded=UPLOADED, fields={"_id": hostile})
        store.content.insert(document.document, {})
    location = file_id(OLD, "x")
    assert isinstance(location, dict)
    document = platform_file(OLD, "x", b"", uploaded=UPLOADED)
    store.content.insert(document.document | {"_id": location | {"org": ["Org"]}}, {})

    with caplog.at_level(logging.WARNING):
        assert list(store.source.discover()) == [SPLIT]
    [record] = caplog.records
    assert "19 course keys" in record.getMessage()
    assert "\n" not in record.getMessage()
    assert len(record.getMessage()) < 300


def test_old_courses_of_one_name_share_their_files(store: Store) -> None:
    other, alone = CourseId.parse("Org/Course/2014"), CourseId.parse("Org/Alone/2013")
    for course in (OLD, other, alone, SPLIT):
        store.content.add_course(course)
    store.content.save(OLD, "a.txt", b"a")

    assert store.source.sharing(OLD) == [other]
    assert objects_of(store.source, OLD) == objects_of(store.source, other)
    assert store.source.sharing(alone) == []
    assert store.source.sharing(SPLIT) == []


# --- inventory ----------------------------------------------------------------------------------


def test_an_inventory_holds_the_files_of_its_course_alone(store: Store) -> None:
    store.content.save(SPLIT, "a.txt", b"a")
    store.content.save(SPLIT, "a.jpg", b"t", kind="thumbnail")
    for neighbour in ("course-v1:Org+Course+Run2", "course-v1:Org+Course+Ru", "Org/Course/Run"):
        store.content.save(CourseId.parse(neighbour), "foreign.txt", b"x")

    found = objects_of(store.source, SPLIT)
    assert {path: one.kind for path, one in found.items()} == {
        "assets/a.txt": "asset",
        "thumbnails/a.jpg": "thumbnail",
    }
    assert list(objects_of(store.source, OLD)) == ["assets/foreign.txt"]
    assert list(store.source.inventory(CourseId.parse("No/Such/Course"), check_chunks=True)) == []


@pytest.mark.parametrize("course", [SPLIT, OLD], ids=["split", "old"])
def test_a_document_is_described_field_by_field(store: Store, course: CourseId) -> None:
    fields = {"locked": True, "edited": UPLOADED, "big": Int64(2**40), "by": ObjectId("5" * 24)}
    raw_id = store.content.save(
        course, "a.txt", b"abc", uploaded=UPLOADED, fields=fields, digest="custom_md5"
    )

    found = only_object(store, course)
    assert (found.path, found.size, found.fault) == ("assets/a.txt", 3, None)
    assert found.content_type == "application/octet-stream"
    assert found.upload_date == "2026-03-02T08:00:00.123Z"
    assert found.source_id == raw_id
    assert found.declared_md5 == "900150983cd24fb0d6963f7d28e17f72"
    assert found.metadata["locked"] is True
    assert found.metadata["big"] == 2**40
    assert found.metadata["edited"] == {"$date": "2026-03-02T08:00:00.123Z"}
    assert found.metadata["by"] == {"$oid": "5" * 24}
    assert not found.metadata.keys() & {"_id", "length", "uploadDate", "contentType"}
    assert SourceObject.from_line(found.to_line()) == found


def test_the_id_names_a_file_and_not_its_filename(store: Store) -> None:
    copied_from = "asset-v1:Org+Course+Before+type@asset+block@other.txt"
    store.content.save(SPLIT, "a.txt", b"a", fields={"filename": copied_from}, digest=None)

    found = only_object(store)
    assert found.path == "assets/a.txt"
    assert found.declared_md5 is None
    assert found.metadata["filename"] == copied_from


def test_ids_keep_the_order_of_their_keys_and_both_files_of_one_name_are_listed(
    store: Store,
) -> None:
    canonical = file_id(OLD, "a.txt")
    assert isinstance(canonical, dict)
    reordered = dict(sorted(canonical.items()))
    for raw_id, content in ((canonical, b"canonical"), (reordered, b"reordered")):
        store.content.save(OLD, "a.txt", content, fields={"_id": raw_id})
        made = platform_file(OLD, "a.txt", content, uploaded=UPLOADED, fields={"_id": raw_id})
        store.content.insert(made.document, {0: content})

    found = list(store.source.inventory(OLD, check_chunks=True))
    assert [one.path for one in found] == ["assets/a.txt"] * 2
    again = [SourceObject.from_line(one.to_line()) for one in found]
    contents = {
        tuple(read.source.source_id): read.content for read in store.source.read_batch(again)
    }
    assert contents == {tuple(canonical): b"canonical", tuple(reordered): b"reordered"}
    assert store.source.current(again) == found


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
@pytest.mark.parametrize("course", [SPLIT, OLD], ids=["split", "old"])
def test_any_name_comes_back_byte_for_byte(store: Store, course: CourseId, name: str) -> None:
    content = name.encode()
    raw_id = store.content.save(course, name, content)

    found = only_object(store, course)
    [read] = store.source.read_batch([SourceObject.from_line(found.to_line())])
    assert found.name.encode() == name.encode()
    assert read.content == content
    store.content.delete(raw_id)


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"length": None}, "length is 'None'"),
        ({"length": -1}, "length is '-1'"),
        ({"length": "3"}, "length is '3'"),
        ({"length": 2.5}, "length is '2.5'"),
        ({"length": True}, "length is 'True'"),
        ({"length": Decimal128("3")}, "length is '3'"),
        ({"chunkSize": 0}, "chunkSize is '0'"),
        ({"chunkSize": None}, "chunkSize is 'None'"),
    ],
)
def test_a_document_that_cannot_be_used_is_listed_with_the_reason(
    store: Store, fields: dict[str, Any], detail: str
) -> None:
    store.content.save(SPLIT, "a.txt", b"abc", fields=fields)

    found = only_object(store)
    assert found.path == "assets/a.txt"
    assert found.size == (-1 if "length" in fields else 3)
    assert found.fault is not None
    assert found.fault.code == "invalid-document"
    assert detail in found.fault.detail
    [read] = store.source.read_batch([found])
    assert read.content == found.fault
    assert store.source.current([found]) == [found]


def test_whole_numbers_from_a_javascript_shell_count(store: Store) -> None:
    store.content.save(SPLIT, "a.txt", b"abc", fields={"length": 3.0, "chunkSize": 261120.0})

    found = only_object(store)
    assert (found.size, found.fault) == (3, None)
    [read] = store.source.read_batch([SourceObject.from_line(found.to_line())])
    assert read.content == b"abc"


def test_what_has_no_attribute_stays_in_the_metadata(store: Store) -> None:
    store.content.save(SPLIT, "a.txt", b"", fields={"contentType": None, "uploadDate": "today"})

    found = only_object(store)
    assert (found.content_type, found.upload_date, found.fault) == (None, None, None)
    assert (found.metadata["contentType"], found.metadata["uploadDate"]) == (None, "today")


@pytest.mark.parametrize(
    ("course", "changes"),
    [
        (SPLIT, "asset-v1:Org+Course+Run+type@asset"),
        (SPLIT, "asset-v1:Org+Course+Run+type@asset+block@"),
        (OLD, {"name": 7}),
        (OLD, {"category": None}),
        (OLD, {"more": ["x" * 2_000]}),
    ],
)
def test_an_id_that_names_no_file_is_a_fault_and_not_a_loss(
    store: Store, course: CourseId, changes: Any
) -> None:
    canonical = file_id(course, "a.txt")
    raw_id = canonical | changes if isinstance(canonical, dict) else changes
    made = platform_file(course, "a.txt", b"", uploaded=UPLOADED, fields={"_id": raw_id})
    store.content.insert(made.document, {})

    found = only_object(store, course)
    assert found.fault is not None
    assert found.fault.code == "invalid-document"
    assert found.path.startswith("unknown/")
    assert len(found.path) < 300
    assert SourceObject.from_line(found.to_line()) == found


@pytest.mark.parametrize("course", [SPLIT, OLD], ids=["split", "old"])
def test_a_kind_that_nobody_knows_is_a_fault_and_not_a_loss(store: Store, course: CourseId) -> None:
    store.content.save(course, "a.txt", b"abc", kind="poster")

    found = only_object(store, course)
    assert (found.path, found.kind) == ("unknown/poster/a.txt", "unknown")
    assert found.fault is not None
    assert found.fault.code == "unknown-kind"


# --- how documents stand now --------------------------------------------------------------------


@pytest.mark.parametrize("course", [SPLIT, OLD], ids=["split", "old"])
def test_the_present_state_comes_in_the_order_asked_for(store: Store, course: CourseId) -> None:
    ids = [store.content.save(course, f"{number}.txt", b"x") for number in range(5)]
    before = sorted(store.source.inventory(course, check_chunks=False), key=lambda one: one.path)
    store.content.delete(ids[1])
    store.content.save(course, "2.txt", b"saved again")
    store.content.change(ids[3], locked=True)

    now = store.source.current(before[::-1])[::-1]
    assert [one and one.same_state(two) for one, two in zip(now, before, strict=True)] == [
        True,
        None,
        False,
        False,
        True,
    ]
    assert now[3] is not None
    assert now[3].metadata["locked"] is True
    assert now[3].upload_date == before[3].upload_date
    assert store.source.current([]) == []
