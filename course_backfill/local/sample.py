"""Writes a sample of Open edX content in the platform's exact layout, and says what is in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Literal

from bson import ObjectId
from pymongo.database import Database

from course_backfill.adapters.contentstore.platform_files import PlatformFile, platform_file
from course_backfill.adapters.mongodb import Document, source_errors
from course_backfill.courses import CourseId
from course_backfill.errors import InvalidInput, Problem
from course_backfill.inventory import KIND_FOLDERS
from course_backfill.local.dumped_indexes import GRIDFS_CHUNKS, GRIDFS_FILES
from course_backfill.local.sample_courses import (
    AUTUMN,
    DAMAGED,
    DAMAGED_FILE,
    EMPTY,
    OLD,
    OLD_AGAIN,
    OLD_COURSES,
    SPLIT_COURSES,
    SPRING,
    SampleFile,
    sample_files,
)
from course_backfill.local.sample_facts import CourseFacts, FileFacts, SampleFacts
from course_backfill.local.sample_modulestore import SplitModulestore, old_blocks

Damage = Literal["flipped-bit", "missing-chunk", "truncated-chunk", "surplus-chunk"]
"""What is wrong with the one damaged file; a flipped bit shows only when its bytes are read."""

_SAVED = datetime(2026, 2, 2, 9, 0, tzinfo=UTC)


def write_sample(
    database: Database[Document],
    *,
    seed: int = 1,
    large_bytes: int = 24 * 1024 * 1024,
    damage: Damage = "flipped-bit",
) -> SampleFacts:
    """Writes the sample into an empty database; the same seed writes the same bytes.

    Raises InvalidInput where a collection that it would write to is not empty.
    """
    with source_errors():
        _refuse_content(database)
        database.command("createIndexes", "fs.chunks", indexes=[GRIDFS_CHUNKS])
        database.command("createIndexes", "fs.files", indexes=[GRIDFS_FILES])
        facts: dict[CourseId, tuple[FileFacts, ...]] = {EMPTY: ()}
        for course, files in sample_files(seed, large_bytes=large_bytes):
            facts[course] = _write_files(database, course, files, seed, damage)
        facts[OLD_AGAIN] = facts[OLD]
        _write_modulestores(database, seed)
    return SampleFacts(
        {str(course): CourseFacts(str(course), files) for course, files in facts.items()}
    )


def _refuse_content(database: Database[Document]) -> None:
    problems = [
        Problem(f"{database.name}.{name}", "the collection is not empty: name an empty database")
        for name in (
            "fs.files",
            "fs.chunks",
            "modulestore",
            "modulestore.active_versions",
            "modulestore.structures",
            "modulestore.definitions",
        )
        if database[name].find_one({}, {"_id": 1}) is not None
    ]
    if problems:
        raise InvalidInput(*problems)


def _write_files(
    database: Database[Document],
    course: CourseId,
    files: list[SampleFile],
    seed: int,
    damage: Damage,
) -> tuple[FileFacts, ...]:
    ids = Random(f"{seed} {course} chunks")  # noqa: S311  # Sample data, no secret.
    facts = []
    for number, file in enumerate(files):
        saved = platform_file(
            course,
            file.name,
            file.content,
            kind=file.kind,
            digest=file.digest,
            uploaded=_SAVED + timedelta(hours=5 * number, seconds=number),
            fields=file.fields,
        )
        is_damaged = (course, file.name) == (DAMAGED, DAMAGED_FILE)
        chunks = list(_chunks(saved, ids))
        if is_damaged:
            _damage(chunks, damage, ids)
        for chunk in chunks:
            database["fs.chunks"].insert_one(chunk)
        database["fs.files"].insert_one(saved.document)
        facts.append(
            FileFacts(
                path=f"{KIND_FOLDERS[file.kind]}/{file.name}",
                size=len(file.content),
                sha256=hashlib.sha256(file.content).hexdigest(),
                intact=not is_damaged,
            )
        )
    return tuple(sorted(facts, key=lambda fact: fact.path.encode()))


def _chunks(saved: PlatformFile, ids: Random) -> Iterator[Document]:
    for number, data in enumerate(saved.chunks):
        chunk_id = ObjectId(ids.randbytes(12))
        yield {"_id": chunk_id, "files_id": saved.document["_id"], "n": number, "data": data}


def _damage(chunks: list[Document], damage: Damage, ids: Random) -> None:
    middle = chunks[1]
    match damage:
        case "flipped-bit":
            middle["data"] = bytes([middle["data"][0] ^ 1]) + middle["data"][1:]
        case "missing-chunk":
            del chunks[1]
        case "truncated-chunk":
            middle["data"] = middle["data"][:-1]
        case "surplus-chunk":
            surplus = {"_id": ObjectId(ids.randbytes(12)), "n": len(chunks), "data": b"surplus"}
            chunks.append({**chunks[-1], **surplus})


def _write_modulestores(database: Database[Document], seed: int) -> None:
    random = Random(f"{seed} modulestore")  # noqa: S311  # Sample data, no secret.
    split = SplitModulestore(random, _SAVED)
    for course in SPLIT_COURSES:
        if course == AUTUMN:
            split.add_copy(AUTUMN, SPRING)
        else:
            split.add_course(course)
    split.add_library("Sample", "Problems")
    database["modulestore.definitions"].insert_many(split.definitions)
    database["modulestore.structures"].insert_many(split.structures)
    database["modulestore.active_versions"].insert_many(split.active_versions)
    for course in OLD_COURSES:
        database["modulestore"].insert_many(old_blocks(course, _SAVED))
