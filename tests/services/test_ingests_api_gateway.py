"""Names of all kinds behind API Gateway: the same resource as on one machine."""

from __future__ import annotations

from urllib.parse import quote, unquote, urlencode

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from course_backfill.courses import CourseId
from tests.services.api_gateway import delivered_path, get
from tests.services.api_world import Answered, ApiWorld
from tests.services.memory_pipeline import COURSE, OLD_COURSE

COURSES = [COURSE, OLD_COURSE]
NAMES = [
    "plain.txt",
    "a b.txt",
    "a+b.txt",
    "no#1.txt",
    "é.txt",
    "e\u0301.txt",
    "\U0001f600.txt",
    "folder/deep/a.txt",
    "a//b.txt",
    "quote\"s'&=;.txt",
    "back\\slash.txt",
    "line\nbreak.txt",
]
"""Names that may be part of a path, encoded once."""
QUERY_NAMES = ["100%.txt", "a%20b.txt", "a%2Fb.txt", "what?.txt", "?", "%", "a%zz.txt"]
"""Names whose path API Gateway alters or refuses: they are asked for by a query."""


@pytest.fixture(scope="module")
def world() -> ApiWorld:
    world = ApiWorld()
    for course in COURSES:
        for name in (*NAMES, *QUERY_NAMES):
            world.pipeline.content.save(course, name, f"{course} {name}".encode())
        world.backfill(course)
    return world


def key_of(world: ApiWorld, course: CourseId, name: str) -> str:
    query = urlencode({"prefix": f"assets/{name}"})
    listed = world.get(f"/courses/{course}/versions/v1/entries", query=query).json["results"]
    [entry] = [one for one in listed if one["path"] == f"assets/{name}"]
    return str(entry["key"])


def is_link_to(answer: Answered | None, key: str) -> bool:
    assert answer is not None
    assert answer.status == 307, answer.text
    return unquote(answer.headers["Location"].partition("?")[0]).endswith(f"/v1/{key}")


@pytest.mark.parametrize(
    ("sent", "delivered"),
    [
        ("/x/plain", "/x/plain"),
        ("/x/a%20b", "/x/a b"),
        ("/x/a%3Fb", "/x/a"),
        ("/x/100%25.txt", None),
        ("/x/a%23b", "/x/a#b"),
        ("/x/a%2Fb", "/x/a/b"),
        ("/x/%CE%BB", "/x/λ"),
        ("/x/a%252Fb", "/x/a/b"),
        ("/x/a%253Fb", "/x/a?b"),
        ("/x/a%2525b", "/x/a%b"),
    ],
)
def test_the_gateway_decodes_twice_and_cuts_in_between(sent: str, delivered: str | None) -> None:
    assert delivered_path(sent) == delivered


@pytest.mark.parametrize("course", COURSES, ids=["split", "old"])
@pytest.mark.parametrize("times", [0, 1, 2])
@pytest.mark.parametrize("rest", ["", "/versions", "/versions/v1", "/versions/v1/entries"])
def test_a_course_is_found_as_it_is_encoded_once_or_twice(
    world: ApiWorld, course: CourseId, times: int, rest: str
) -> None:
    spelled = str(course)
    for _ in range(times):
        spelled = quote(spelled, safe="")
    answer = get(world, f"/courses/{spelled}{rest}")
    assert answer is not None
    assert answer.status == 200
    assert answer.json == world.get(f"/courses/{course}{rest}").json


@pytest.mark.parametrize("course", COURSES, ids=["split", "old"])
@pytest.mark.parametrize("name", NAMES)
def test_an_entry_is_reached_by_its_path_encoded_once(
    world: ApiWorld, course: CourseId, name: str
) -> None:
    key = key_of(world, course, name)
    below = f"/courses/{quote(str(course), safe=':+')}/versions/v1/content"
    for safe in ("", "/"):
        assert is_link_to(get(world, f"{below}/{quote(f'assets/{name}', safe=safe)}"), key)


@pytest.mark.parametrize("course", COURSES, ids=["split", "old"])
@pytest.mark.parametrize("name", [*NAMES, *QUERY_NAMES])
def test_any_entry_is_reached_by_a_query_through_the_gateway_and_without_it(
    world: ApiWorld, course: CourseId, name: str
) -> None:
    key = key_of(world, course, name)
    url = f"/courses/{quote(str(course), safe=':+')}/versions/v1/content"
    query = urlencode({"path": f"assets/{name}"})
    assert is_link_to(get(world, f"{url}?{query}"), key)
    assert is_link_to(world.get(unquote(url), query=query), key)


@effort(deadline=None, max_examples=200)
@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_whatever_text_a_query_asks_for_is_looked_for_as_it_is(world: ApiWorld, name: str) -> None:
    query = urlencode({"path": name})
    answer = get(world, f"/courses/{COURSE}/versions/v1/content?{query}")
    assert answer is not None
    assert answer.status == 404
    assert repr(name) in answer.json["detail"]


def test_without_a_path_the_query_is_refused_by_name(world: ApiWorld) -> None:
    for query in ("", "path="):
        answer = world.get(f"/courses/{COURSE}/versions/v1/content", query=query)
        assert (answer.status, answer.pointers) == (422, ["?path"])


def test_locked_content_asks_for_its_scope_by_a_query_too() -> None:
    world = ApiWorld()
    world.pipeline.content.save(COURSE, "b.txt", b"beta", fields={"locked": True})
    world.backfill()
    url = f"/courses/{COURSE}/versions/v1/content"
    query = "path=assets/b.txt"
    refused = world.get(url, query=query, scope="content:read")
    assert refused.status == 403
    assert 'scope="content:locked"' in refused.headers["WWW-Authenticate"]
    assert world.get(url, query=query, scope="content:read content:locked").status == 307


@pytest.mark.parametrize("name", ["100%.txt", "a%zz.txt"])
def test_a_name_with_a_percent_sign_is_refused_by_the_gateway_itself(name: str) -> None:
    assert delivered_path(f"/x/{quote(name)}") is None
