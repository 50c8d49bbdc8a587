"""What workers do unasked: they look for new courses when they start, and again and again."""

from __future__ import annotations

import pytest

from course_backfill.courses import CourseId
from tests.features.installation import COURSE, Installation, wait_until

LATER = CourseId.parse("course-v1:Org1+CS102+R1")


def test_workers_find_the_courses_of_the_source_unasked_and_new_ones_later(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_BACKFILL_DISCOVERY_INTERVAL_SECONDS", "2")
    installation.save(COURSE, "a.txt", b"alpha")
    installation.work("planner")
    wait_until(lambda: installation.wiring.courses.find(str(COURSE)))
    assert installation.wiring.courses.find(str(LATER)) is None

    installation.save(LATER, "b.txt", b"beta")
    wait_until(lambda: installation.wiring.courses.find(str(LATER)))
