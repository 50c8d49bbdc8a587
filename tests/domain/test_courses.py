"""Course keys: what is one comes back unchanged, whatever else is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from course_backfill.courses import MAX_CHARACTERS, CourseId, version_id, version_number
from course_backfill.errors import InvalidInput
from course_backfill.locations import Location
from tests.strategies import course_ids

HOSTILE = [
    "",
    "course-v1:",
    "course-v1:Org+Course",
    "course-v1:Org+Course+Run+More",
    "course-v1:Org Course+Run+X",
    "course-v1:Org/Course/Run",
    "course-v1:../../etc+passwd+x/",
    "course-v1:..+..+..",
    "../../..",
    "././.",
    "Org/Course",
    "Org/Course/Run/More",
    "/Org/Course",
    "Org//Run",
    "Org/Course/Run\n",
    "\nOrg/Course/Run",
    "Org/Cou\x00rse/Run",
    "Org/Course/Run?x=1",
    "Org/Course/%2e%2e",
    "Org\\Course\\Run",
    "library-v1:Org+Lib",
    "course-v1:Org+Course+Run" + "n" * MAX_CHARACTERS,
    "Org/Course/" + "\U00020000" * 200,
    "Org/Course/\ud800",
]


@given(course_ids())
@example(CourseId("Org-1.2~x:y", "CS_101", "2013_T1", is_old=True))
@example(CourseId("Université", "Ελ", "日本"))
def test_a_course_key_survives_the_round_trip(course: CourseId) -> None:
    assert CourseId.parse(str(course)) == course


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_no_course_key_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        CourseId.parse(text, pointer="/course/id")
    assert [problem.pointer for problem in refused.value.problems] == ["/course/id"]


@given(st.text())
def test_any_text_is_a_course_key_or_refused(text: str) -> None:
    try:
        course = CourseId.parse(text)
    except InvalidInput:
        return
    assert str(course) == text


@given(course_ids(), course_ids())
def test_two_courses_never_share_a_prefix(one: CourseId, other: CourseId) -> None:
    location = Location(bucket="some-bucket")
    prefixes = {location.version_prefix(course, "v1") for course in (one, other)}
    assert len(prefixes) == len({one, other})


@given(course_ids())
def test_a_course_is_one_segment_of_a_key(course: CourseId) -> None:
    prefix = Location(bucket="some-bucket", prefix="a/b/").version_prefix(course, "v1")
    root, folder, segment, version, end = prefix.removeprefix("a/b").split("/")
    assert (root, folder, version, end) == ("", "courses", "v1", "")
    assert segment not in {"", ".", ".."}


@given(st.integers(1, 999_999_999))
def test_a_version_is_its_number(number: int) -> None:
    assert version_number(version_id(number)) == number


@pytest.mark.parametrize(
    "text", ["", "1", "v", "v0", "v01", "V1", "v1 ", "v-1", "v1\n", "v٣", "latest"]
)
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        version_number(text)
