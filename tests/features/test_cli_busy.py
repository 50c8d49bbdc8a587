"""Courses that are busy with something else than a command wants: refused, or waited for."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from course_backfill.cli.app import run
from course_backfill.cli.outcomes import FAILED, INTERRUPTED, SUCCEEDED, WRONG_USE
from tests.features.scripted_api import Answer, Request, ScriptedApi, scripted_api
from tests.features.test_cli_watching import DONE, create_ingest

COURSE = "course-v1:Org+C+R"
HELD = Answer(409, {"detail": f"course {COURSE} is busy", "ingest": {"id": "i-7"}})
LOCATIONS = {"results": [{"id": "primary", "required": True}]}
DAMAGE = {"location": "primary", "objectsVerified": 9, "damaged": 1, "surplus": 0, "unread": 0}


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COURSE_BACKFILL_API_TOKEN", "secret")
    monkeypatch.chdir(tmp_path)


def command(api: ScriptedApi, *arguments: str) -> int:
    return run([*arguments, "--url", api.url])


def create_audit(**fields: Any) -> dict[str, Any]:
    """An audit of the schedule."""
    audit = {"method": "bytes", "warm": False}
    of_schedule = {"requestedBy": "schedule", "locations": [], "stage": "verifying"}
    kind = {"ingestType": {"id": "audit-course"}, "audit": audit, "replicas": []}
    return create_ingest("i-7", **{**of_schedule, **kind, **fields})


def answering(posts: Iterator[Answer], looks: dict[str, Iterator[dict[str, Any]]]) -> Any:
    """An API that answers each request to start in turn, and shows each ingest look by look."""

    def answer(request: Request) -> Answer:
        if request.method == "POST":
            return next(posts)
        if request.path == "/locations":
            return Answer(200, LOCATIONS)
        return Answer(200, next(looks[request.path.rsplit("/", 1)[-1]]))

    return answer


@pytest.mark.parametrize(
    ("arguments", "active", "said"),
    [
        (["start", COURSE], create_audit(), "being audited"),
        (["start", COURSE, "--json"], create_audit(), "being audited"),
        (["audit", COURSE], create_ingest("i-7"), "being backfilled"),
        (["warm", COURSE], create_audit(), "being audited"),
        (["start", COURSE, "--from", "primary"], create_ingest("i-7"), "otherwise"),
    ],
)
def test_a_course_that_is_busy_with_something_else_is_refused_with_what_to_do(
    capsys: pytest.CaptureFixture[str], arguments: list[str], active: dict[str, Any], said: str
) -> None:
    def answer(request: Request) -> Answer:
        if request.method == "POST":
            return HELD
        if request.path.startswith("/courses/"):
            return Answer(200, {"activeIngest": None})
        return Answer(200, LOCATIONS if request.path == "/locations" else active)

    with scripted_api(answer) as api:
        code = command(api, *arguments)

    shown = capsys.readouterr()
    assert code == FAILED
    assert shown.out.strip() in {"", "[]"}
    assert said in shown.err
    assert f"({active['stage']}" in shown.err
    assert "course-backfill watch i-7" in shown.err
    assert "course-backfill cancel i-7" in shown.err


def test_one_who_watches_waits_for_a_background_audit_and_starts_when_that_has_ended(
    capsys: pytest.CaptureFixture[str],
) -> None:
    audit, found = create_audit(), create_audit(**DONE, replicas=[DAMAGE])
    posts = iter([HELD, Answer(201, create_ingest("i-8"))])
    looks = {"i-7": iter([audit, audit, found]), "i-8": iter([create_ingest("i-8", **DONE)])}

    with scripted_api(answering(posts, looks)) as api:
        code = command(api, "start", COURSE, "--watch", "--json")

    shown = capsys.readouterr()
    assert code == SUCCEEDED
    assert "asked for by the schedule); starts when that has ended" in shown.err
    assert [one["id"] for one in json.loads(shown.out)] == ["i-8"]


def test_what_takes_the_course_in_the_meantime_is_waited_for_too() -> None:
    posts = iter([HELD, HELD, Answer(201, create_ingest("i-8"))])
    ended = create_audit(**DONE)
    looks = {
        "i-7": iter([create_audit(), ended, create_audit(), ended]),
        "i-8": iter([create_ingest("i-8", status="failed")]),
    }

    with scripted_api(answering(posts, looks)) as api:
        assert command(api, "start", COURSE, "--watch") == FAILED
        assert len(api.asked("POST")) == 3


def test_ctrl_c_while_waiting_names_what_was_not_started(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def looks() -> Iterator[dict[str, Any]]:
        yield create_audit()
        os.kill(os.getpid(), signal.SIGINT)
        yield create_audit()

    with scripted_api(answering(iter([HELD]), {"i-7": looks()})) as api:
        code = command(api, "start", COURSE, "--watch")

    assert code == INTERRUPTED
    assert f"Not started: {COURSE}" in capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(
    "arguments",
    [
        ["start"],
        ["start", "--watch"],
        ["start", "--dry-run"],
        ["start", "--json"],
        ["audit"],
        ["audit", "--watch"],
        ["estimate"],
    ],
)
def test_ctrl_c_while_courses_are_started_tells_how_many_were_not_and_names_the_first(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    courses = [f"course-v1:Org+C+{number}" for number in range(8)]

    def answers() -> Iterator[Answer]:
        yield Answer(201, create_ingest("i-1"))
        yield Answer(201, create_ingest("i-2"))
        os.kill(os.getpid(), signal.SIGINT)
        yield Answer(201, create_ingest("i-3"))

    posts = answers()
    with scripted_api(lambda _: next(posts)) as api:
        code = command(api, *arguments, *courses)
        asked = len(api.asked("POST"))

    shown = capsys.readouterr()
    assert (code, asked) == (INTERRUPTED, 3)
    assert "Interrupted: 2 started, 6 not. What runs goes on." in shown.err.splitlines()
    assert f"Not started: {', '.join(courses[2:5])} and 3 more" in shown.err.splitlines()
    assert "To start them, say the same again." in shown.err.splitlines()


def test_ctrl_c_while_courses_are_started_names_those_that_wait_for_something_else_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def answer(request: Request) -> Answer:
        if request.method == "GET":
            return Answer(200, LOCATIONS if request.path == "/locations" else create_audit())
        if b"Org/C/R" in request.body:
            os.kill(os.getpid(), signal.SIGINT)
        return HELD

    with scripted_api(answer) as api:
        code = command(api, "start", COURSE, "Org/C/R", "--watch")

    assert code == INTERRUPTED
    assert f"Not started: {COURSE}, Org/C/R" in capsys.readouterr().err.splitlines()


def test_what_is_wrong_for_every_course_is_said_once_and_nothing_is_started(
    capsys: pytest.CaptureFixture[str],
) -> None:
    unknown = {"errors": [{"pointer": "/locations", "detail": "'moon' not available"}]}

    with scripted_api(lambda _: Answer(422, unknown)) as api:
        code = command(api, "audit", COURSE, "Org/C/R", "--location", "moon")

    assert code == WRONG_USE
    assert capsys.readouterr().err == "--location: 'moon' not available\n"
    assert len(api.asked("POST")) == 1


def test_what_the_present_state_forbids_for_one_course_does_not_keep_the_others_from_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    none = {"detail": f"course {COURSE} has no registered version yet"}
    answers = iter([Answer(409, none), Answer(201, create_ingest())])

    with scripted_api(lambda _: next(answers)) as api:
        code = command(api, "audit", COURSE, "Org/C/R")

    shown = capsys.readouterr()
    assert code == FAILED
    assert f"{COURSE}: has no registered version yet\n" in shown.err
    assert "1 course being audited" in shown.out


@pytest.mark.parametrize("watch", [[], ["--watch"]])
def test_an_audit_of_all_names_once_which_courses_have_nothing_there_and_passes_them_over(
    capsys: pytest.CaptureFixture[str], watch: list[str]
) -> None:
    def row(course: str, *holding: str) -> dict[str, Any]:
        replicas = [{"location": one, "versions": 1} for one in holding]
        return {"course": {"id": course}, "version": "v1", "replicas": replicas}

    found = create_audit(**DONE, replicas=[DAMAGE | {"damaged": 0}])

    def answer(request: Request) -> Answer:
        if request.path == "/locations":
            return Answer(200, {"results": [{"id": "primary"}, {"id": "archive"}]})
        if request.path.startswith("/reports/"):
            rows = [row(COURSE, "primary", "archive"), row("Org/Old/R", "primary")]
            return Answer(200, {"results": rows, "nextCursor": None})
        return Answer(201 if request.method == "POST" else 200, found)

    with scripted_api(answer) as api:
        code = command(api, "audit", "--all", "--location", "archive", *watch)
        unknown = command(api, "audit", "--all", "--location", "moon")
        bodies = [json.loads(one.body) for one in api.requests if one.method == "POST"]

    shown = capsys.readouterr()
    assert (code, unknown) == (SUCCEEDED, WRONG_USE)
    assert [one["course"]["id"] for one in bodies] == [COURSE]
    passed_over = "1 course without a version in archive, nothing to audit: Org/Old/R"
    assert shown.out.splitlines().count(passed_over) == 1
    assert shown.err.endswith("--location: no moon; there are primary, archive\n")
