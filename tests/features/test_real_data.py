"""A database that Open edX itself wrote: every object arrives, and a repeat moves nothing."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from course_backfill.local.dump import load_dump

from course_backfill.courses import CourseId
from course_backfill.ingests import IngestStatus
from tests.features.installation import Installation

DATA = Path(
    os.environ.get("COURSE_BACKFILL_TEST_DATA")
    or Path(__file__).parents[2].parent / "shared" / "data" / "edxapp"
)
COURSES = [
    "course-v1:OpenedX+DemoX+DemoCourse",
    "course-v1:Org1+CS101+R1",
    "course-v1:Org1+CS101+R2",
    "OldOrg/CS50/2013",
]

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"the real Open edX data is not at {DATA}"
)


def expected(course: CourseId) -> dict[str, dict[str, Any]]:
    facts = json.loads((DATA / "expected.json").read_text())
    found: dict[str, dict[str, Any]] = (
        facts.get(str(course)) or facts[f"{course.org}/{course.course}"]
    )
    return found


def document_id(source_id: Any) -> str:
    """Ids as the facts name them: c4x ids with sorted keys."""
    return source_id if isinstance(source_id, str) else json.dumps(source_id, sort_keys=True)


def test_every_object_of_every_course_arrives_as_it_was(installation: Installation) -> None:
    load_dump(DATA, installation.database)
    installation.work(concurrency=2)
    courses = [CourseId.parse(course) for course in COURSES]
    ingests = [installation.start(course) for course in courses]
    assert [installation.ended(one).status for one in ingests] == [IngestStatus.SUCCEEDED] * 4
    for course in courses:
        facts = expected(course)
        entries = installation.entries(course)
        assert {document_id(entry.source.source_id) for entry in entries} == set(facts)
        for entry in entries:
            fact = facts[document_id(entry.source.source_id)]
            content = installation.read(entry, course)
            assert hashlib.sha256(content).hexdigest() == entry.sha256 == fact["sha256"]
            assert len(content) == entry.source.size == fact["length"]
            assert entry.source.kind == fact["kind"]
            assert entry.source.metadata["locked"] == fact["locked"]

    before = sorted(installation.stored())
    repeats = [installation.ended(installation.start(course)) for course in courses]
    assert [(one.status, one.version) for one in repeats] == [(IngestStatus.SUCCEEDED, None)] * 4
    assert sorted(installation.stored()) == before
