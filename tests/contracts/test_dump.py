"""Dumps come back as they were written, or not at all."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bson
import pytest
from pymongo.database import Database

from course_backfill.adapters.contentstore import ContentstoreSource
from course_backfill.adapters.mongodb import Document
from course_backfill.courses import CourseId
from course_backfill.errors import InvalidInput
from course_backfill.inventory import Fault
from course_backfill.local.dump import load_dump
from tests.real_data import expected_files, real_data_folder

DOCUMENTS = [
    {"_id": {"b": number, "a": {"z": 1, "y": 2}}, "x": number, "blob": bytes(100) * number}
    for number in range(5)
]


def test_documents_are_stored_byte_for_byte(tmp_path: Path, database: Database[Document]) -> None:
    encoded = [bson.encode(document) for document in DOCUMENTS]
    (tmp_path / "plain.bson").write_bytes(b"".join(encoded))
    (tmp_path / "with%2Fslash.bson.gz").write_bytes(gzip.compress(b"".join(encoded)))
    (tmp_path / "empty.bson").write_bytes(b"")
    (tmp_path / "system.users.bson").write_bytes(b"not looked at")
    (tmp_path / "notes.txt").write_bytes(b"not looked at")

    assert load_dump(tmp_path, database) == {"empty": 0, "plain": 5, "with/slash": 5}
    for name in ("plain", "with/slash"):
        batches: Any = database[name].find_raw_batches(sort=[("x", 1)])
        assert b"".join(batches) == b"".join(encoded)


def test_more_than_one_batch_is_loaded(tmp_path: Path, database: Database[Document]) -> None:
    rows = (bson.encode({"_id": number, "blob": bytes(10_000)}) for number in range(2_345))
    (tmp_path / "many.bson.gz").write_bytes(gzip.compress(b"".join(rows), 1))

    assert load_dump(tmp_path, database) == {"many": 2_345}
    assert database["many"].count_documents({}) == 2_345


def test_indexes_are_those_noted_and_those_of_gridfs(
    tmp_path: Path, database: Database[Document]
) -> None:
    for name in ("fs.files", "fs.chunks", "other"):
        (tmp_path / f"{name}.bson").write_bytes(bson.encode({"_id": 1}))
    noted = [
        {"v": {"$numberInt": "2"}, "key": {"_id": {"$numberInt": "1"}}, "name": "_id_"},
        {
            "v": 2,
            "key": {"_id.org": 1, "_id.course": 1},
            "name": "old",
            "ns": "a.b",
            "sparse": True,
        },
    ]
    (tmp_path / "fs.files.metadata.json").write_text(json.dumps({"indexes": noted}))

    load_dump(tmp_path, database)
    indexes = database["fs.files"].index_information()
    assert set(indexes) == {"_id_", "old", "filename_1_uploadDate_1"}
    assert indexes["old"]["sparse"] is True
    chunks = database["fs.chunks"].index_information()
    assert chunks["files_id_1_n_1"]["unique"] is True
    assert set(database["other"].index_information()) == {"_id_"}


def test_text_that_is_no_utf8_and_far_dates_are_no_damage(
    tmp_path: Path, database: Database[Document]
) -> None:
    document = bson.encode({"_id": 1, "name": "SPOILT", "at": bson.DatetimeMS(2**60)})
    spoilt = document.replace(b"SPOILT", b"\xff" * 6)
    (tmp_path / "a.bson").write_bytes(spoilt)

    load_dump(tmp_path, database)
    batches: Any = database["a"].find_raw_batches()
    assert b"".join(batches) == spoilt


def cut(data: bytes) -> bytes:
    return data[:-3]


@pytest.mark.parametrize(
    ("name", "damage", "detail"),
    [
        ("a.bson", cut, "document 5 is cut off"),
        ("a.bson", lambda data: data + b"\1\2", "document 6 does not begin with a length"),
        ("a.bson", lambda data: data + bytes(4), "document 6 does not begin with a length"),
        ("a.bson", lambda data: data + b"\xff" * 9, "document 6 does not begin with a length"),
        ("a.bson", lambda data: data[:-1] + b"x", "document 5 does not end where"),
        ("a.bson", lambda data: data + b"\6\0\0\0\0\0", "no BSON"),
        ("a.bson.gz", lambda data: cut(gzip.compress(data)), "gzip data is cut off or damaged"),
        ("a.bson.gz", lambda data: data, "gzip data is cut off or damaged"),
        ("a.bson.gz", lambda data: gzip.compress(cut(data)), "document 5 is cut off"),
    ],
)
def test_a_broken_file_is_named_and_nothing_is_written(
    tmp_path: Path,
    database: Database[Document],
    name: str,
    damage: Callable[[bytes], bytes],
    detail: str,
) -> None:
    data = b"".join(map(bson.encode, DOCUMENTS))
    (tmp_path / name).write_bytes(damage(data))
    (tmp_path / "b.bson").write_bytes(data)

    with pytest.raises(InvalidInput, match=f"{name}: .*{detail}"):
        load_dump(tmp_path, database)
    assert database.list_collection_names() == []


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path, database: Database[Document]) -> None:
    data = bson.encode({"_id": 1})
    (tmp_path / "broken.bson").write_bytes(data[:-1])
    (tmp_path / "noted.bson").write_bytes(data)
    (tmp_path / "noted.metadata.json").write_text("{")
    (tmp_path / "full.bson").write_bytes(data)
    database["full"].insert_one({"_id": 7})

    with pytest.raises(InvalidInput) as raised:
        load_dump(tmp_path, database)
    assert [problem.pointer for problem in raised.value.problems] == [
        "broken.bson",
        "noted.bson",
        f"{database.name}.full",
    ]
    assert list(database["full"].find()) == [{"_id": 7}]


def test_a_document_that_mongodb_refuses_is_named(
    tmp_path: Path, database: Database[Document]
) -> None:
    (tmp_path / "a.bson").write_bytes(bson.encode({"_id": 1}) * 2)

    with pytest.raises(InvalidInput, match=r"a\.bson: MongoDB refused .*code 11000"):
        load_dump(tmp_path, database)


def test_a_folder_without_a_dump_is_refused(tmp_path: Path, database: Database[Document]) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(InvalidInput, match="expected"):
            load_dump(folder, database)


def test_real_content_is_listed_and_read_to_the_last_byte(database: Database[Document]) -> None:
    folder = real_data_folder()
    load_dump(folder, database)
    source = ContentstoreSource(client=database.client, database=database.name)
    expected = expected_files(folder)

    assert set(map(str, source.discover())) == set(expected)
    for course, files in expected.items():
        found = list(source.inventory(CourseId.parse(course), check_chunks=True))
        assert {one.path: one.size for one in found} == {
            path: file["length"] for path, file in files.items()
        }
        assert [one.fault for one in found if one.fault] == []
        assert source.current(found) == found
        for read in source.read_batch(found):
            assert not isinstance(read.content, Fault)
            file = files[read.source.path]
            assert hashlib.sha256(read.content).hexdigest() == file["sha256"]
            assert read.source.metadata["locked"] == file["locked"]
        largest = max(found, key=lambda one: one.size)
        streamed = hashlib.sha256(b"".join(source.stream(largest))).hexdigest()
        assert streamed == files[largest.path]["sha256"]
