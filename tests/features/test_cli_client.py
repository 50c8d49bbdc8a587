"""The commands' side of the API: what is repeated, what is said, and what is never sent along."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from course_backfill.cli.api_client import ApiClient, ApiError, ApiUnreachable, course_path
from course_backfill.cli.connection import NoApi, open_api
from course_backfill.local.client_file import ClientFile
from tests.features.scripted_api import Answer, Request, scripted_api

INGEST = {"type": "Ingest", "id": "i-1"}


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("COURSE_BACKFILL_API_URL", "COURSE_BACKFILL_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def test_a_request_whose_answer_was_lost_is_repeated_with_the_same_key() -> None:
    answers = iter([Answer(cut=True), Answer(503), Answer(201, INGEST)])

    with scripted_api(lambda _: next(answers)) as api, client(api.url) as commands:
        assert commands.post("/ingests", {"a": 1}, key="k") == INGEST

    assert [one.headers["idempotency-key"] for one in api.requests] == ["k", "k", "k"]


def test_a_request_that_a_gateway_had_no_room_for_is_repeated_and_then_told_as_that() -> None:
    refused = Answer(429, {"message": "Too Many Requests"})
    answers = iter([refused, Answer(200, INGEST), refused, refused, refused])

    with scripted_api(lambda _: next(answers)) as api, client(api.url) as commands:
        assert commands.get("/ingests/i-1") == INGEST
        with pytest.raises(ApiUnreachable, match="not available now: Too Many Requests"):
            commands.get("/ingests/i-1")

    assert len(api.requests) == 5


def test_a_request_without_a_key_is_sent_once() -> None:
    with (
        scripted_api(lambda _: Answer(cut=True)) as api,
        client(api.url) as commands,
        pytest.raises(ApiUnreachable),
    ):
        commands.post("/ingests/i-1/cancel")

    assert len(api.requests) == 1


def test_a_refusal_lists_all_problems_by_their_options() -> None:
    problem = {
        "title": "Unprocessable",
        "detail": "The request has 2 problems.",
        "errors": [
            {"pointer": "/course/id", "detail": "expected a course key"},
            {"pointer": "/dryRun", "detail": "expected true or false"},
        ],
    }

    with (
        scripted_api(lambda _: Answer(422, problem)) as api,
        client(api.url) as commands,
        pytest.raises(ApiError) as refusal,
    ):
        commands.get("/ingests")

    assert str(refusal.value) == (
        "COURSE: expected a course key\n--dry-run: expected true or false"
    )


def test_an_answer_that_is_not_the_apis_is_called_so() -> None:
    with (
        scripted_api(lambda _: Answer(200, b"<html>")) as api,
        client(api.url) as commands,
        pytest.raises(ApiUnreachable, match="is not the course backfill API"),
    ):
        commands.get("/ingests")


def test_nobody_there_names_what_to_start_and_what_to_set() -> None:
    with (
        client(f"http://127.0.0.1:{unused_port()}") as commands,
        pytest.raises(ApiUnreachable, match=r"course-backfill serve.*COURSE_BACKFILL_API_URL"),
    ):
        commands.get("/ingests")


def test_a_list_is_read_to_its_end() -> None:
    def pages(request: Request) -> Answer:
        is_second = "cursor=c" in request.path
        return Answer(
            200, {"results": [{"n": int(is_second)}], "nextCursor": None if is_second else "c"}
        )

    with scripted_api(pages) as api, client(api.url) as commands:
        assert list(commands.pages("/courses", status="failed")) == [{"n": 0}, {"n": 1}]

    assert all("status=failed" in path for path in api.asked("GET"))


def test_csv_of_many_pages_has_one_heading() -> None:
    def pages(request: Request) -> Answer:
        if "cursor=c" in request.path:
            return Answer(200, b"course,status\r\nb,failed\r\n")
        link = {"link": '</reports/backfill?org=O&cursor=c>; rel="next"'}
        return Answer(200, b'course,status\r\n"a,""\n",failed\r\n', headers=link)

    with scripted_api(pages) as api, client(api.url) as commands:
        text = "".join(commands.csv("/reports/backfill", org="O"))

    assert text == 'course,status\r\n"a,""\n",failed\r\nb,failed\r\n'
    assert api.asked("GET") == [
        "/reports/backfill?org=O",
        "/reports/backfill?org=O&cursor=c",
    ]


@pytest.mark.parametrize(
    ("course", "path"),
    [
        ("course-v1:Org+C+R", "/courses/course-v1:Org+C+R/versions"),
        ("Org/C/R", "/courses/Org%2FC%2FR/versions"),
        ("course-v1:Órg+C+R", "/courses/course-v1:%C3%93rg+C+R/versions"),
    ],
)
def test_course_ids_stay_one_part_of_the_path(course: str, path: str) -> None:
    assert course_path(course, "versions") == path


def test_the_served_token_goes_only_to_the_served_api(tmp_path: Path) -> None:
    ClientFile(url="http://127.0.0.1:1", token="local-secret").write(tmp_path)

    with scripted_api(lambda _: Answer(200, INGEST)) as api:
        with pytest.raises(NoApi, match="needs a token"), open_api(api.url, None, tmp_path):
            pass
        ClientFile(url=api.url, token="local-secret").write(tmp_path)
        with open_api(None, None, tmp_path) as commands:
            commands.get("/ingests/i-1")

    assert [one.headers["authorization"] for one in api.requests] == ["Bearer local-secret"]


def test_without_any_api_the_way_to_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoApi, match="course-backfill serve"), open_api(None, None, tmp_path):
        pass


def test_only_the_owner_reads_the_served_token(tmp_path: Path) -> None:
    path = ClientFile(url="http://127.0.0.1:1", token="local-secret").write(tmp_path)
    path.chmod(0o644)

    ClientFile(url="http://127.0.0.1:1", token="another-one").write(tmp_path)

    assert path.stat().st_mode & 0o777 == 0o600
    assert ClientFile.read(tmp_path) == ClientFile(url="http://127.0.0.1:1", token="another-one")


@contextmanager
def client(url: str) -> Iterator[ApiClient]:
    """A client that does not wait between tries."""
    with httpx.Client(base_url=url) as http:
        yield ApiClient(http, sleep=lambda _: None)


def unused_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
