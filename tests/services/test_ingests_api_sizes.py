"""Answers that grow: each fits into what Lambda hands over, or says how to ask for less."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from hypothesis import given
from hypothesis import strategies as st

from course_backfill.courses import CourseId
from services.ingests_api.answer_sizes import MAX_BYTES, PLAIN_CHARACTERS
from tests.services.api_world import ApiWorld, create_event
from tests.services.memory_pipeline import COURSE

LAMBDA_BYTES = 6 * 1024 * 1024
ENTRIES = f"/courses/{COURSE}/versions/v1/entries"
REPORT = "/reports/backfill"
CSV = {"accept": "text/csv"}
GZIP = {"accept-encoding": "gzip, deflate"}


def noted(length: int) -> ApiWorld:
    """A world with an entry whose metadata has so many characters."""
    world = ApiWorld()
    world.pipeline.content.save(COURSE, "a.txt", b"alpha", fields={"note": "é\n" * (length // 2)})
    world.backfill()
    return world


@pytest.fixture(scope="module")
def large() -> ApiWorld:
    return noted(4_000_000)


def raw_answer(world: ApiWorld, path: str, **request: Any) -> dict[str, Any]:
    return world.api(create_event("GET", path, **request), LambdaContext())


def test_a_large_answer_is_compressed_for_whoever_takes_that(large: ApiWorld) -> None:
    answer = raw_answer(large, ENTRIES, headers=GZIP)
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, True)
    assert answer["headers"]["Content-Encoding"] == "gzip"
    assert len(json.dumps(answer)) < LAMBDA_BYTES
    [entry] = json.loads(gzip.decompress(base64.b64decode(answer["body"])))["results"]
    assert entry["metadata"]["note"] == "é\n" * 2_000_000


@pytest.mark.parametrize("accepted", [None, "", "identity", "br, zstd", "gzip;q=0", "*"])
def test_an_answer_that_nobody_can_be_given_is_refused_with_what_helps(
    large: ApiWorld, accepted: str | None
) -> None:
    headers = {} if accepted is None else {"accept-encoding": accepted}
    answer = large.get(ENTRIES, headers=headers)
    assert answer.status == 422
    assert answer.json["type"].endswith(":too-large-answer")
    assert "limit" in answer.json["detail"]
    assert "gzip" in answer.json["detail"]


def test_a_small_answer_is_sent_as_it_is_whoever_asks() -> None:
    answer = raw_answer(noted(10), ENTRIES, headers=GZIP)
    assert answer["isBase64Encoded"] is False
    assert "Content-Encoding" not in answer["headers"]


@given(st.characters())
def test_what_is_not_compressed_fits_whatever_it_holds(character: str) -> None:
    assert (len(json.dumps(character)) - 2) * PLAIN_CHARACTERS <= MAX_BYTES < LAMBDA_BYTES


# --- the report ---


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> ApiWorld:
    """A world of many courses, where pages end early."""
    monkeypatch.setattr("services.ingests_api.routes.reports.PAGE_BYTES", 1_000)
    world = ApiWorld()
    world.pipeline.discover(*(CourseId.parse(f"course-v1:Org+C{n}+R") for n in range(60)))
    return world


def test_a_page_of_the_report_ends_where_an_answer_does_and_the_next_goes_on(
    reported: ApiWorld,
) -> None:
    found: list[str] = []
    query = "limit=20000"
    pages = 0
    while True:
        page = reported.get(REPORT, query=query)
        assert len(page.text) < 5_000
        found += [row["course"]["id"] for row in page.json["results"]]
        pages += 1
        if page.json["nextCursor"] is None:
            break
        query = f"limit=20000&cursor={page.json['nextCursor']}"
    assert len(found) == len(set(found)) == 62
    assert pages > 10


def test_a_report_as_csv_ends_where_an_answer_does_and_links_to_the_rest(
    reported: ApiWorld,
) -> None:
    found: list[str] = []
    url = f"{REPORT}?"
    pages = 0
    while True:
        path, _, query = url.partition("?")
        page = reported.get(path, query=query, headers=CSV)
        assert len(page.text) < 2_500
        found += [row["course"] for row in csv.DictReader(io.StringIO(page.text))]
        pages += 1
        if "Link" not in page.headers:
            break
        url = page.headers["Link"].partition("<")[2].partition(">")[0]
    assert len(found) == len(set(found)) == 62
    assert pages > 5
