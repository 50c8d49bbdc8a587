"""The sample holds what its facts say, and every form of content that the product must meet."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from pymongo.database import Database

from course_backfill.adapters.contentstore import ContentstoreSource
from course_backfill.adapters.mongodb import Document
from course_backfill.copies.object_keys import relative_key
from course_backfill.courses import CourseId
from course_backfill.errors import InvalidInput
from course_backfill.inventory import Fault, SourceObject
from course_backfill.local.sample import Damage, write_sample
from course_backfill.local.sample_facts import CourseFacts, SampleFacts

LARGE = 2_000_000
DAMAGED = "course-v1:Sample+Damaged+2026"


def write(database: Database[Document], **options: Any) -> tuple[SampleFacts, ContentstoreSource]:
    facts = write_sample(database, large_bytes=LARGE, **options)
    return facts, ContentstoreSource(client=database.client, database=database.name)


def objects_of(source: ContentstoreSource, course: str) -> list[SourceObject]:
    found = source.inventory(CourseId.parse(course), check_chunks=True)
    return sorted(found, key=lambda one: one.sort_key)


def wrong_files(source: ContentstoreSource, course: CourseFacts) -> dict[str, str]:
    """Path → what is wrong, of files that are at fault or differ from what was saved."""
    saved = {file.path: file.sha256 for file in course.files}
    wrong = {}
    for read in source.read_batch(objects_of(source, course.id)):
        if isinstance(read.content, Fault):
            wrong[read.source.path] = read.content.code
        elif hashlib.sha256(read.content).hexdigest() != saved[read.source.path]:
            wrong[read.source.path] = "digest-mismatch"
    return wrong


def test_discovery_finds_the_courses_of_the_facts_and_no_other(
    database: Database[Document],
) -> None:
    facts, source = write(database)

    assert set(map(str, source.discover())) == set(facts.courses)
    assert facts.failing == (DAMAGED,)


def test_every_file_of_the_facts_is_there_with_its_bytes(database: Database[Document]) -> None:
    facts, source = write(database)

    for course in facts.courses.values():
        found = objects_of(source, course.id)
        assert [(one.path, one.size) for one in found] == [
            (file.path, file.size) for file in course.files
        ]
        assert [one.fault for one in found if one.fault] == []
        assert tuple(wrong_files(source, course)) == course.damaged


@pytest.mark.parametrize(
    ("damage", "code", "is_seen_by_planning"),
    [
        ("flipped-bit", "digest-mismatch", False),
        ("missing-chunk", "missing-chunk", True),
        ("truncated-chunk", "truncated-chunk", False),
        ("surplus-chunk", "surplus-chunk", True),
    ],
)
def test_the_damage_is_the_one_asked_for(
    database: Database[Document], damage: Damage, code: str, is_seen_by_planning: bool
) -> None:
    facts, source = write(database, damage=damage)

    found = objects_of(source, DAMAGED)
    assert [one.fault.code for one in found if one.fault] == [code] * is_seen_by_planning
    assert wrong_files(source, facts.courses[DAMAGED]) == {"assets/broken.bin": code}


def test_the_damaged_file_s_own_digest_betrays_it(database: Database[Document]) -> None:
    _, source = write(database)

    [found] = [one for one in objects_of(source, DAMAGED) if one.path == "assets/broken.bin"]
    [read] = source.read_batch([found])
    assert isinstance(read.content, bytes)
    assert hashlib.md5(read.content).hexdigest() != found.declared_md5  # noqa: S324  # As stored.


def test_the_same_seed_writes_the_same_bytes(database: Database[Document]) -> None:
    first, second = (database.client[f"{database.name}_{number}"] for number in ("first", "second"))
    assert write_sample(first, large_bytes=LARGE) == write_sample(second, large_bytes=LARGE)
    assert contents(first) == contents(second)
    database.client.drop_database(second)
    write_sample(second, large_bytes=LARGE, seed=2)
    assert contents(first)["fs.chunks"] != contents(second)["fs.chunks"]
    for used in (first, second):
        database.client.drop_database(used)


def contents(database: Database[Document]) -> dict[str, bytes]:
    batches: dict[str, Any] = {
        name: database[name].find_raw_batches(sort=[("_id", 1)])
        for name in sorted(database.list_collection_names())
    }
    return {name: hashlib.sha256(b"".join(found)).digest() for name, found in batches.items()}


def test_a_database_with_content_is_left_alone(database: Database[Document]) -> None:
    database["fs.files"].insert_one({"_id": "production"})
    database["modulestore.structures"].insert_one({"_id": 1})

    with pytest.raises(InvalidInput) as raised:
        write_sample(database)
    assert [problem.pointer.partition(".")[2] for problem in raised.value.problems] == [
        "fs.files",
        "modulestore.structures",
    ]
    assert set(database.list_collection_names()) == {"fs.files", "modulestore.structures"}


def test_the_sample_has_each_form_that_content_takes(database: Database[Document]) -> None:
    facts, source = write(database)
    by_course = {course: objects_of(source, course) for course in facts.courses}
    everything = [one for found in by_course.values() for one in found]

    def keys_of(prefix: str) -> list[str]:
        return [
            relative_key(one.path, version_prefix=f"courses/{course}/v1/")
            for course, found in by_course.items()
            for one in found
            if one.path.startswith(prefix)
        ]

    assert any("/_long/" in key for key in keys_of("assets/"))
    assert any("%25" in key for key in keys_of("assets/"))
    assert any(key.startswith("assets/%5F") for key in keys_of("assets/_"))
    assert any(one.metadata["locked"] for one in everything)
    assert any(one.size == 0 for one in everything)
    assert any(one.size > 261_120 and one.size % 261_120 == 0 for one in everything)
    assert max(one.size for one in everything) == LARGE
    assert {"md5", "custom_md5"} <= {key for one in everything for key in one.metadata}
    assert any(one.declared_md5 is None for one in everything)
    assert any(one.kind == "thumbnail" for one in by_course["SampleOld/Astronomy/2013"])
    orders = {tuple(one.source_id) for one in by_course["SampleOld/Astronomy/2013"]}
    assert len(orders) == 2
    rerun = by_course["course-v1:Sample+Gardening101+2026_Autumn"]
    assert all("2026_Spring" in one.metadata["filename"] for one in rerun)
    assert by_course["course-v1:Sample+Empty+2026"] == []
    assert source.sharing(CourseId.parse("SampleOld/Astronomy/2013")) == [
        CourseId.parse("SampleOld/Astronomy/2014")
    ]


def test_structures_point_at_definitions_that_are_there(database: Database[Document]) -> None:
    write(database)

    structures = {row["_id"]: row for row in database["modulestore.structures"].find()}
    definitions = set(database["modulestore.definitions"].distinct("_id"))
    rows = list(database["modulestore.active_versions"].find())
    assert {version for row in rows for version in row["versions"].values()} == set(structures)
    assert len({(row["org"], row["course"], row["run"]) for row in rows}) == len(rows) == 8
    for structure in structures.values():
        blocks = {(block["block_type"], block["block_id"]) for block in structure["blocks"]}
        assert tuple(structure["root"]) in blocks
        for block in structure["blocks"]:
            assert block["definition"] in definitions
            assert {tuple(child) for child in block["fields"].get("children", [])} <= blocks
