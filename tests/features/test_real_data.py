"""A database that Open edX itself wrote: every object arrives, and a repeat moves nothing."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from course_backfill.courses import CourseId
from course_backfill.ingests import IngestStatus
from course_backfill.local.dump import load_dump
from tests.features.installation import Installation
from tests.real_data import expected_files, real_data_folder


def test_every_object_of_every_course_arrives_as_it_was(installation: Installation) -> None:
    folder = real_data_folder()
    load_dump(folder, installation.database)
    installation.work(concurrency=2)
    expected = {CourseId.parse(course): files for course, files in expected_files(folder).items()}
    ingests = [installation.start(course) for course in expected]
    assert {installation.ended(one).status for one in ingests} == {IngestStatus.SUCCEEDED}
    for course, files in expected.items():
        entries = installation.entries(course)
        assert {entry.path for entry in entries} == set(files)
        for entry in entries:
            file = files[entry.path]
            content = installation.read(entry, course)
            assert hashlib.sha256(content).hexdigest() == entry.sha256 == file["sha256"]
            assert len(content) == entry.source.size == file["length"]
            assert entry.source.kind == file["kind"]
            assert entry.source.metadata["locked"] == file["locked"]
            assert document_id(entry.source.source_id) == file["id"]

    before = sorted(installation.stored())
    repeats = [installation.ended(installation.start(course)) for course in expected]
    assert {(one.status, one.version) for one in repeats} == {(IngestStatus.SUCCEEDED, None)}
    assert sorted(installation.stored()) == before


def document_id(source_id: Any) -> str:
    """An id as the facts name it."""
    return source_id if isinstance(source_id, str) else json.dumps(source_id, sort_keys=True)
