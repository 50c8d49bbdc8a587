"""The gateway's routes: the table's, each with its scope, and every request's way to the right one.

`matches` is how API Gateway looks for a route, `forms` what it may be looking with: it decodes a
path twice before the function sees it, and does not say after which of the two it looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_backfill.api_clients import ALL_SCOPES
from infra.api_routes import GatewayRoute, gateway_routes
from services.ingests_api.auth import ANY, DESCRIPTIONS, PUBLIC, SCOPES
from services.ingests_api.request_paths import routed_path
from tests.strategies import PARTS, course_ids

LIKE_ROUTES = st.sampled_from(["versions", "content", "entries", "v1"])
ROUTES = gateway_routes(is_described_to_all=False)
COURSE_ROUTES = sorted(key for key in SCOPES if key[1].startswith("/courses/"))


def table_form(path: str) -> str:
    """A gateway's path as the table writes it."""
    path = path.replace("/courses/{course_id}/{course}/{run}", "/courses/{course_id}")
    return path.replace("+}", "}").replace("{", "<").replace("}", ">")


def matches(route: GatewayRoute, method: str, path: str) -> bool:
    pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(route.path))
    pattern = re.sub(r"\\{\w+\\\+\\}", ".+", pattern)
    return route.method == method and re.fullmatch(pattern, path, re.DOTALL) is not None


def forms(path: str) -> Iterator[str]:
    yield path
    yield unquote(path)
    yield unquote(unquote(path))


def test_the_routes_are_those_of_the_table_with_its_scopes_and_no_others() -> None:
    table = {
        key: frozenset({scope} if scope != ANY else ALL_SCOPES) for key, scope in SCOPES.items()
    }
    table |= {key: frozenset() for key in PUBLIC}
    assert {(one.method, table_form(one.path)) for one in ROUTES} == set(table)
    for one in ROUTES:
        assert one.scopes == table[one.method, table_form(one.path)]


def test_only_what_is_public_asks_for_no_token_and_the_description_where_it_is_open() -> None:
    def is_open(described: bool) -> set[tuple[str, str]]:
        routes = gateway_routes(is_described_to_all=described)
        return {(one.method, one.path) for one in routes if not one.scopes}

    assert is_open(False) == PUBLIC
    assert is_open(True) == PUBLIC | DESCRIPTIONS


def test_no_route_is_there_twice_and_variables_of_one_place_have_one_name() -> None:
    keys = [(one.method, re.sub(r"{\w+(\+?)}", r"{\1}", one.path)) for one in ROUTES]
    assert len(set(keys)) == len(keys)
    names: dict[str, str] = {}
    for one in ROUTES:
        for found in re.finditer(r"{\w+\+?}", one.path):
            before = one.path[: found.start()]
            assert names.setdefault(before, found.group()) == found.group()


def test_a_variable_that_takes_all_the_rest_is_the_last_of_its_path() -> None:
    greedy = [one.path for one in ROUTES if "+}" in one.path]
    assert greedy
    assert all(path.index("+}") == len(path) - 2 for path in greedy)


@given(
    course=course_ids(PARTS | LIKE_ROUTES).map(str),
    entry=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    encoded=st.integers(0, 2),
    key=st.sampled_from(COURSE_ROUTES),
)
def test_a_request_for_a_course_meets_a_route_that_asks_for_no_more_than_the_function_does(
    course: str, entry: str, encoded: int, key: tuple[str, str]
) -> None:
    spelled = [course, entry]
    for _ in range(encoded):
        spelled = [quote(one, safe="") for one in spelled]
    path = key[1].replace("<course_id>", spelled[0]).replace("<version>", "v1")
    path = path.replace("<path>", spelled[1])
    wanted = SCOPES[key]
    *_, delivered = forms(path)
    if not is_for(key[1], routed_path(delivered)):
        return
    for form in forms(path):
        for one in ROUTES:
            # What meets no route meets $default, which takes every scope.
            assert not matches(one, key[0], form) or wanted in one.scopes


def is_for(template: str, routed: str) -> bool:
    """Whether the function takes a path for one of that route."""
    pattern = re.sub(r"<\w+>", "[^/]+", template)
    return re.fullmatch(pattern, routed) is not None


@pytest.mark.parametrize(
    "course", ["course-v1:Org1+CS101+R1", "OldOrg/CS50/2013", "OldOrg%2FCS50%2F2013"]
)
@pytest.mark.parametrize("key", COURSE_ROUTES)
def test_a_course_of_either_form_has_every_route_of_courses(
    course: str, key: tuple[str, str]
) -> None:
    path = key[1].replace("<course_id>", course).replace("<version>", "v1")
    path = unquote(path.replace("<path>", "assets/deep/a.txt"))
    met = [one for one in ROUTES if matches(one, key[0], path)]
    assert {one.scopes for one in met} == {frozenset({SCOPES[key]})}
