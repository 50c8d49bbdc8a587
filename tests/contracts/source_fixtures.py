"""Course sources to run the same cases on: the twin in memory, and MongoDB for real."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Protocol

import pytest
from pymongo.database import Database

from course_backfill.adapters.contentstore import ContentstoreSource
from course_backfill.adapters.contentstore.ids import RawId
from course_backfill.adapters.contentstore.platform_files import file_id, platform_file
from course_backfill.adapters.memory_contentstore import MemoryContentstore
from course_backfill.adapters.memory_source import MemorySource
from course_backfill.adapters.memory_state import MemoryStateStore
from course_backfill.adapters.mongodb import Client, Document, connect
from course_backfill.clock import system_clock
from course_backfill.courses import CourseId
from course_backfill.local.mongod import running_mongod
from course_backfill.local.mongod_binary import MongodUnavailable
from course_backfill.ports import CourseSource
from course_backfill.rated_source import RatedSource
from course_backfill.stores.read_shares import ReadShares

_database_numbers = count(1)


class Content(Protocol):
    """What a test changes behind a source's back; MemoryContentstore says what each verb means."""

    def add_course(self, course: CourseId) -> None: ...

    def add_row(self, org: Any, course: Any, run: Any, *, is_old: bool = False) -> None: ...

    def save(
        self, course: CourseId, name: str, content: bytes, *, kind: str = "asset", **options: Any
    ) -> RawId: ...

    def insert(self, document: Document, chunks: dict[Any, bytes]) -> None: ...

    def change(self, raw_id: RawId, **fields: Any) -> None: ...

    def delete(self, raw_id: RawId) -> None: ...

    def set_chunk(self, raw_id: RawId, number: Any, data: bytes) -> None: ...

    def drop_chunk(self, raw_id: RawId, number: Any) -> None: ...


class MongoContent:
    """The same verbs on a real contentstore."""

    def __init__(self, database: Database[Document]) -> None:
        self.database = database
        self._files = database["fs.files"]
        self._chunks = database["fs.chunks"]
        self._chunks.create_index([("files_id", 1), ("n", 1)], unique=True)
        self._saves = 0

    def add_course(self, course: CourseId) -> None:
        self.add_row(course.org, course.course, course.run, is_old=course.is_old)

    def add_row(self, org: Any, course: Any, run: Any, *, is_old: bool = False) -> None:
        if is_old:
            block = {"tag": "i4x", "org": org, "course": course, "category": "course", "name": run}
            self.database["modulestore"].insert_one({"_id": {**block, "revision": None}})
        else:
            row = {"org": org, "course": course, "run": run}
            self.database["modulestore.active_versions"].insert_one(row)

    def save(
        self, course: CourseId, name: str, content: bytes, *, kind: str = "asset", **options: Any
    ) -> RawId:
        self._saves += 1
        uploaded = datetime(2026, 3, 2, 8, tzinfo=UTC) + timedelta(seconds=self._saves)
        made = platform_file(course, name, content, kind=kind, **({"uploaded": uploaded} | options))
        self.insert(made.document, dict(enumerate(made.chunks)))
        return file_id(course, name, kind=kind)

    def insert(self, document: Document, chunks: dict[Any, bytes]) -> None:
        self.delete(document["_id"])
        rows = [
            {"files_id": document["_id"], "n": number, "data": data}
            for number, data in chunks.items()
        ]
        if rows:
            self._chunks.insert_many(rows)
        self._files.insert_one(document)

    def change(self, raw_id: RawId, **fields: Any) -> None:
        assert self._files.update_one({"_id": raw_id}, {"$set": fields}).matched_count == 1

    def delete(self, raw_id: RawId) -> None:
        self._files.delete_one({"_id": raw_id})
        self._chunks.delete_many({"files_id": raw_id})

    def set_chunk(self, raw_id: RawId, number: Any, data: bytes) -> None:
        self._chunks.replace_one(
            {"files_id": raw_id, "n": number},
            {"files_id": raw_id, "n": number, "data": data},
            upsert=True,
        )

    def drop_chunk(self, raw_id: RawId, number: Any) -> None:
        assert self._chunks.delete_one({"files_id": raw_id, "n": number}).deleted_count == 1


@dataclass(frozen=True, slots=True)
class Store:
    """A source, and the hand that edits what it reads."""

    source: CourseSource
    content: Content


@pytest.fixture(scope="session")
def mongodb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a replica set of one member; skips where mongod cannot run."""
    try:
        with (
            running_mongod(tmp_path_factory.mktemp("mongod")) as uri,
            connect(uri, timeout_seconds=30) as client,
        ):
            yield client
    except MongodUnavailable as missing:
        pytest.skip(str(missing))


@pytest.fixture
def database(mongodb: Client) -> Iterator[Database[Document]]:
    """An empty database."""
    database = mongodb[f"edxapp{next(_database_numbers)}"]
    yield database
    mongodb.drop_database(database)


@pytest.fixture
def mongodb_store(database: Database[Document]) -> Store:
    """An empty contentstore in MongoDB."""
    source = ContentstoreSource(client=database.client, database=database.name)
    return Store(source, MongoContent(database))


@pytest.fixture
def memory_store() -> Store:
    """An empty contentstore in memory."""
    content = MemoryContentstore()
    return Store(MemorySource(content), content)


@pytest.fixture
def rated_store(memory_store: Store) -> Store:
    """The same one, read at a rate that no test comes near."""
    shares = ReadShares(MemoryStateStore(), system_clock, rate=10**12, pause=time.sleep)
    return Store(RatedSource(memory_store.source, shares, lambda: None), memory_store.content)


@pytest.fixture(params=["memory", "mongodb", "rated"])
def store(request: pytest.FixtureRequest) -> Store:
    """Each of the implementations in turn."""
    found: Store = request.getfixturevalue(f"{request.param}_store")
    return found
