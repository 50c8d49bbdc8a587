"""Course ids and entry paths in URLs: raw, encoded, decoded by a gateway or not; never wrong."""

from __future__ import annotations

from urllib.parse import quote, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_backfill.courses import CourseId
from course_backfill.errors import InvalidInput
from services.ingests_api.request_paths import routed_path
from tests.services.api_world import ApiWorld
from tests.services.memory_pipeline import COURSE, OLD_COURSE
from tests.strategies import course_ids

SPELLINGS = [
    "course-v1:Org1+CS101+R1",
    "course-v1%3AOrg1%2BCS101%2BR1",
    "course-v1:Org1%2bCS101+R1",
    "%63ourse-v1:Org1+CS101+R1",
    "course-v1:Org1 CS101 R1",
]
OLD_SPELLINGS = ["OldOrg/CS50/2013", "OldOrg%2FCS50%2F2013", "OldOrg%2fCS50%2F2013"]


@pytest.fixture
def world() -> ApiWorld:
    return ApiWorld()


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("rest", ["", "/versions"])
def test_a_course_is_found_by_every_spelling_of_its_key(
    world: ApiWorld, spelling: str, rest: str
) -> None:
    for path in (spelling, unquote(spelling)):
        answer = world.get(f"/courses/{path}{rest}")
        assert answer.status == 200
        assert rest or answer.json["id"] == str(COURSE)


@pytest.mark.parametrize("spelling", OLD_SPELLINGS)
@pytest.mark.parametrize("rest", ["", "/versions"])
def test_an_old_course_is_found_with_its_slashes_or_without(
    world: ApiWorld, spelling: str, rest: str
) -> None:
    answer = world.get(f"/courses/{spelling}{rest}")
    assert answer.status == 200
    assert rest or answer.json["id"] == str(OLD_COURSE)


def test_an_old_course_whose_parts_are_words_of_routes_is_a_course_still(world: ApiWorld) -> None:
    course = CourseId.parse("versions/v1/content")
    world.pipeline.discover(course)
    assert world.get("/courses/versions/v1/content").json["id"] == "versions/v1/content"
    assert world.get("/courses/versions/v1/content/versions").status == 200
    assert world.get("/courses/versions/v1/content/versions/v1").status == 404


@pytest.mark.parametrize(
    "path",
    [
        "course-v1%253AOrg1%252BCS101%252BR1",
        "OldOrg%252FCS50%252F2013",
        "course-v1:Org1+CS101",
        "OldOrg/CS50",
        "OldOrg",
        "..",
        "../../etc",
        "%2e%2e/%2e%2e/%2e%2e",
        "a/../b",
        "course-v1:..+..+..",
        "course-v1:Org1+CS101+R1\\",
        "course-v1:Org1+CS101+R1\x00",
        "course-v1:Org1+CS101+R1\r\nX: 1",
        "course-v1:Org1+CS101+\u202eR1",
        "course-v1:" + "a" * 2_000 + "+b+c",
        "course-v1:a+b+c%",
        "course-v1:a+b+c%zz",
        "//",
    ],
)
def test_what_is_no_course_key_is_refused_and_nothing_else(world: ApiWorld, path: str) -> None:
    answer = world.get(f"/courses/{path}")
    assert answer.status == 422
    assert answer.pointers == ["course_id"]


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("/courses/%ff", "course_id"),
        ("/courses/course-v1:%FF+b+c", "course_id"),
        ("/courses/course-v1:\udcff+b+c", "course_id"),
        ("/courses/course-v1:a+b+c/versions/\ud800", "path"),
        ("/ingests/\ud800", "path"),
    ],
)
def test_a_path_that_is_no_text_is_refused_by_the_part_that_is_none(
    world: ApiWorld, path: str, pointer: str
) -> None:
    answer = world.get(path)
    assert (answer.status, answer.pointers) == (422, [pointer])


def test_a_stage_before_the_path_is_no_part_of_it_but_stays_before_links(world: ApiWorld) -> None:
    assert world.get(f"/courses/{COURSE}", stage="prod").json["id"] == str(COURSE)
    answer = world.post("/ingests", {"ingestType": {"id": "backfill-course"},
                        "course": {"id": str(COURSE)}}, stage="prod")  # fmt: skip
    assert answer.headers["Location"].startswith("/prod/ingests/")


@pytest.mark.parametrize(
    "query", ["course=course-v1:Org1+CS101+R1", "course=course-v1%3AOrg1%2BCS101%2BR1"]
)
def test_a_course_in_a_query_may_have_its_plus_signs_as_they_are(
    world: ApiWorld, query: str
) -> None:
    started = world.start().json["id"]
    [found] = world.get("/ingests", query=query).json["results"]
    assert found["id"] == started


# --- entry paths ---

NAMES = [
    "plain.txt",
    "a b.txt",
    "a+b.txt",
    "100%.txt",
    "a%20b.txt",
    "a%2Fb.txt",
    "folder/deep/a.txt",
    "a//b.txt",
    "../../secret",
    "what?.txt",
    "no#1.txt",
    "é.txt",
    "e\u0301.txt",
    "\U0001f600.txt",
    "<script>.html",
    "quote\"s'.txt",
    "back\\slash.txt",
    "line\nbreak.txt",
    "entries",
    "content/versions/v1",
]


@pytest.fixture(scope="module")
def filled() -> ApiWorld:
    world = ApiWorld()
    for course in (COURSE, OLD_COURSE):
        for name in NAMES:
            world.pipeline.content.save(course, name, f"{course} {name}".encode())
        world.backfill(course)
    return world


def linked_key(world: ApiWorld, path: str) -> str:
    answer = world.get(path)
    assert answer.status == 307, answer.text
    return unquote(answer.headers["Location"].partition("?")[0])


@pytest.mark.parametrize("course", [COURSE, OLD_COURSE], ids=["split", "old"])
@pytest.mark.parametrize("name", NAMES)
def test_an_entry_is_reached_by_its_name_whatever_it_holds(
    filled: ApiWorld, course: CourseId, name: str
) -> None:
    below = f"/courses/{course}/versions/v1"
    [entry] = [
        one
        for one in filled.get(f"{below}/entries", query=f"prefix={quote(f'assets/{name}')}").json[
            "results"
        ]
        if one["path"] == f"assets/{name}"
    ]
    key = linked_key(filled, f"{below}/content/assets/{name}")
    assert key.endswith(f"/v1/{entry['key']}")


@pytest.mark.parametrize("name", ["a b.txt", "100%.txt", "what?.txt", "é.txt"])
def test_an_entry_is_reached_where_a_gateway_left_the_path_encoded(
    filled: ApiWorld, name: str
) -> None:
    below = f"/courses/{quote(str(COURSE), safe='')}/versions/v1/content"
    expected = linked_key(filled, f"/courses/{COURSE}/versions/v1/content/assets/{name}")
    if name != "a b.txt":  # Its encoding is another file's name, which comes first.
        assert linked_key(filled, f"{below}/{quote(f'assets/{name}', safe='')}") == expected
    assert linked_key(filled, f"{below}/assets/{name}") == expected


@pytest.mark.parametrize(
    "path", ["assets/nothing", "assets", "", "assets/../plain.txt", "plain.txt"]
)
def test_a_path_without_entry_is_not_found(filled: ApiWorld, path: str) -> None:
    assert filled.get(f"/courses/{COURSE}/versions/v1/content/{path}").status == 404


# --- the router's paths ---


@settings(deadline=None)
@given(course=course_ids().map(str), path=st.text(min_size=1), is_encoded=st.booleans())
def test_every_course_and_path_survives_the_router(
    course: str, path: str, is_encoded: bool
) -> None:
    spelled = quote(course, safe="") if is_encoded else course
    try:
        path.encode()
    except UnicodeEncodeError:
        return
    routed = routed_path(f"/courses/{spelled}/versions/v2/content/{path}")
    _, courses, course_id, versions, version, content, entry = routed.split("/")
    assert (courses, versions, version, content) == ("courses", "versions", "v2", "content")
    assert (unquote(course_id), unquote(entry)) == (course, path)


@given(st.text())
def test_any_path_is_routed_as_plain_segments_or_refused(path: str) -> None:
    for whole in (path, f"/courses/{path}"):
        try:
            routed = routed_path(whole)
        except InvalidInput:
            continue
        assert routed.isascii()
        assert not set(routed) & set("?#\\ <>")
