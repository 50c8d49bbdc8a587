"""Tokens that end while a command works: renewed where that can be, told with what goes on else."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from course_backfill.cli.app import run
from course_backfill.cli.outcomes import FAILED, SUCCEEDED, WRONG_USE
from tests.features.scripted_api import Answer, Request, ScriptedApi, scripted_api
from tests.features.test_cli_watching import DONE, create_ingest

COURSES = [f"course-v1:Org+C+{number}" for number in range(3)]
SECRET = "a-secret-of-this-test"
TOKEN_PATH = "/oauth2/token"


class Hour:
    """Gives tokens and answers as an API of which each token works for `requests` requests."""

    def __init__(self, requests: int, looks: Callable[[], dict[str, Any]]) -> None:
        self._requests = requests
        self._looks = looks
        self._tokens = 0
        self._left = 0

    def __call__(self, request: Request) -> Answer:
        """Refuses all but the last token, once it was used often enough."""
        if request.path == TOKEN_PATH:
            return self._token(request)
        if self._left == 0 or request.headers["authorization"] != f"Bearer token-{self._tokens}":
            return Answer(401, {"message": "Unauthorized"})
        self._left -= 1
        return (
            Answer(201, create_ingest()) if request.method == "POST" else Answer(200, self._looks())
        )

    def _token(self, request: Request) -> Answer:
        login = base64.b64encode(f"client:{SECRET}".encode()).decode()
        if request.headers["authorization"] != f"Basic {login}":
            return Answer(400, {"error": "invalid_client"})
        assert request.body == b"grant_type=client_credentials"
        self._tokens, self._left = self._tokens + 1, self._requests
        return Answer(200, {"access_token": f"token-{self._tokens}", "expires_in": 3600})


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("API_URL", "API_TOKEN", "TOKEN_URL", "CLIENT_ID", "CLIENT_SECRET"):
        monkeypatch.delenv(f"COURSE_BACKFILL_{name}", raising=False)


@pytest.fixture
def set_up(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets what a client of this API has."""

    def set_up(api: ScriptedApi, **changed: str) -> None:
        usual = {"TOKEN_URL": api.url + TOKEN_PATH, "CLIENT_ID": "client", "CLIENT_SECRET": SECRET}
        for name, value in (usual | changed).items():
            monkeypatch.setenv(f"COURSE_BACKFILL_{name}", value)

    return set_up


def ended() -> dict[str, Any]:
    return create_ingest(**DONE)


def test_a_token_is_fetched_once_and_anew_whenever_the_api_no_longer_accepts_it(
    set_up: Callable[..., None],
) -> None:
    looks = iter([create_ingest()] * 2 + [ended()] * 3)
    with scripted_api(Hour(2, lambda: next(looks))) as api:
        set_up(api)
        code = run(["start", *COURSES[:1], "--watch", "--url", api.url])
        asked = api.asked("POST")

    assert code == SUCCEEDED
    assert asked == [TOKEN_PATH, "/ingests", TOKEN_PATH]


def test_courses_whose_turn_comes_after_the_hour_are_started_all_the_same(
    set_up: Callable[..., None],
) -> None:
    with scripted_api(Hour(2, ended)) as api:
        set_up(api)
        code = run(["start", *COURSES, "--url", api.url])
        asked = api.asked("POST")

    assert code == SUCCEEDED
    # The third is refused with the old token before it is repeated with the new one.
    assert asked == [TOKEN_PATH, "/ingests", "/ingests", "/ingests", TOKEN_PATH, "/ingests"]


def test_a_token_that_was_given_and_ends_leaves_word_of_what_goes_on_and_what_was_not_started(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answers = iter([Answer(201, create_ingest()), Answer(401, {"message": "Unauthorized"})])
    with scripted_api(lambda _: next(answers)) as api:
        code = run(["start", *COURSES, "--watch", "--url", api.url, "--token", "of-an-hour"])

    told = capsys.readouterr().err.splitlines()
    assert code == FAILED
    assert "What was started goes on." in told[0]
    assert f"Not started: {COURSES[1]}, {COURSES[2]}" in told
    assert "To start them, say the same again." in told
    assert "COURSE_BACKFILL_CLIENT_SECRET" in told[-1]


def test_a_watch_whose_token_ends_names_the_command_that_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answers = iter([Answer(200, create_ingest()), Answer(401, {"message": "Unauthorized"})])
    with scripted_api(lambda _: next(answers)) as api:
        code = run(["watch", "i-1", "--url", api.url, "--token", "of-an-hour"])

    told = capsys.readouterr().err
    assert code == FAILED
    assert "course-backfill watch follows what is under way" in told
    assert "Not started" not in told


@pytest.mark.parametrize("arguments", [["watch", "i-1"], ["start", *COURSES, "--watch"]])
def test_a_token_that_was_never_accepted_is_wrong_usage_and_said_once(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with scripted_api(lambda _: Answer(401, {"message": "Unauthorized"})) as api:
        code = run([*arguments, "--url", api.url, "--token", "wrong"])
        assert len(api.requests) == 1

    assert code == WRONG_USE
    assert capsys.readouterr().err.count("does not accept this token") == 1


def test_a_client_that_gets_no_token_is_told_what_to_look_at_and_never_its_secret(
    set_up: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    with scripted_api(Hour(9, ended)) as api:
        set_up(api, CLIENT_SECRET="another-secret")
        code = run(["report", "--url", api.url])

    told = capsys.readouterr().err
    assert code == WRONG_USE
    assert "answered 400 (invalid_client) instead of a token" in told
    assert "another-secret" not in told


def test_credentials_of_which_a_part_is_missing_name_it(
    set_up: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    with scripted_api(Hour(9, ended)) as api:
        set_up(api, CLIENT_ID="")
        code = run(["report", "--url", api.url])
        assert api.requests == []

    assert code == WRONG_USE
    assert capsys.readouterr().err.startswith("COURSE_BACKFILL_CLIENT_ID: is not set")


def test_whoever_gives_tokens_and_is_away_is_named(
    set_up: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    with scripted_api(Hour(9, ended)) as api:
        set_up(api, TOKEN_URL="http://127.0.0.1:1/oauth2/token")
        code = run(["report", "--url", api.url])

    assert code == WRONG_USE
    assert "No answer from http://127.0.0.1:1/oauth2/token" in capsys.readouterr().err


def test_a_token_that_is_said_with_the_command_is_stronger(set_up: Callable[..., None]) -> None:
    with scripted_api(lambda _: Answer(200, ended())) as api:
        set_up(api)
        assert run(["status", "i-1", "--url", api.url, "--token", "said"]) == SUCCEEDED
        assert {one.headers["authorization"] for one in api.requests} == {"Bearer said"}
