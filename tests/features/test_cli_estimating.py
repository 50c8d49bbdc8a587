"""Estimates of real courses: a dry run of each, added up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from course_backfill.cli.app import run
from course_backfill.estimation.estimates import Estimate, Workload
from course_backfill.estimation.estimator import Estimator
from course_backfill.settings import Settings
from tests.features.scripted_api import Answer, Request, scripted_api
from tests.features.test_cli_watching import DONE, create_ingest

ESTIMATOR = Estimator(Settings())


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COURSE_BACKFILL_API_TOKEN", "secret")
    monkeypatch.chdir(tmp_path)


def work(objects: int) -> Workload:
    return Workload(courses=1, objects=objects, bytes=objects * 1_000_000, packets=objects)


def report(estimate: dict[str, Any] | None, **fields: Any) -> dict[str, Any]:
    plain = {"objects": 3, "bytes": 5, "unchanged": False, "toRepair": 0}
    return {**plain, "estimate": estimate, "wouldFail": estimate is None, **fields}


def answering(reports: list[dict[str, Any]]) -> Any:
    """An API that has a report for each course that is asked for, in their order."""

    def answer(request: Request) -> Answer:
        if request.method == "POST":
            return Answer(201, create_ingest(f"i-{len(answered)}", report=answered.pop()))
        number = int(request.path.rpartition("-")[2])
        done = {**DONE, "dryRun": True, "report": reports[-number]}
        return Answer(200, create_ingest(f"i-{number}", **done))

    answered = reports[::-1]
    return answer


def test_the_dry_runs_of_all_courses_are_added_up(capsys: pytest.CaptureFixture[str]) -> None:
    found = [ESTIMATOR.backfill(work(objects), ["primary"]) for objects in (3, 500)]
    reports = [report(one.model_dump(mode="json", by_alias=True)) for one in found]
    with scripted_api(answering(reports)) as api:
        code = run(["estimate", "course-v1:O+A+R", "O/B/R", "--json", "--url", api.url])
        bodies = [json.loads(one.body) for one in api.requests if one.method == "POST"]

    assert code == 0
    whole = ESTIMATOR.together(found)
    assert json.loads(capsys.readouterr().out) == whole.model_dump(mode="json", by_alias=True)
    assert whole.workload.objects == 503
    assert [one["course"]["id"] for one in bodies] == ["course-v1:O+A+R", "O/B/R"]
    assert all(one["dryRun"] and one["corruptObjects"] == "record" for one in bodies)


def test_a_course_without_an_estimate_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    found = ESTIMATOR.backfill(work(2), ["primary"])
    reports = [report(found.model_dump(mode="json", by_alias=True)), report(None)]
    with scripted_api(answering(reports)) as api:
        code = run(["estimate", "course-v1:O+A+R", "course-v1:O+B+R", "--url", api.url])

    shown = capsys.readouterr()
    assert code == 1
    assert "course-v1:Org+C+i-1: not counted" in shown.err
    assert "1 course, 2 objects, 2.0 MB" in shown.out


NOTHING = ESTIMATOR.backfill(Workload(), ["primary"]).model_dump(mode="json", by_alias=True)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"objects": 0}, "Without files: 1 course, nothing to copy."),
        ({"unchanged": True}, "With nothing to do: 1 course, there already."),
        (
            {"unchanged": True, "toRepair": 2},
            "With damaged copies: 1 course; the next start only mends",
        ),
    ],
)
def test_a_course_that_costs_nothing_is_counted_and_the_reason_is_told(
    capsys: pytest.CaptureFixture[str], fields: dict[str, Any], said: str
) -> None:
    found = ESTIMATOR.backfill(work(2), ["primary"]).model_dump(mode="json", by_alias=True)
    reports = [report(found), report(NOTHING, **fields)]
    with scripted_api(answering(reports)) as api:
        assert run(["estimate", "O/A/R", "O/B/R", "--url", api.url]) == 0

    shown = capsys.readouterr().out.splitlines()
    (note,) = shown[shown.index("2 courses, 2 objects, 2.0 MB") + 2 :]
    assert note.startswith(said)


def test_courses_with_work_need_no_explanation(capsys: pytest.CaptureFixture[str]) -> None:
    found = ESTIMATOR.backfill(work(2), ["primary"]).model_dump(mode="json", by_alias=True)
    with scripted_api(answering([report(found)])) as api:
        assert run(["estimate", "O/A/R", "--url", api.url]) == 0

    shown = capsys.readouterr().out.splitlines()
    assert shown[-2] == "1 course, 2 objects, 2.0 MB"


def test_what_costs_nothing_costs_it_in_a_currency(capsys: pytest.CaptureFixture[str]) -> None:
    with scripted_api(answering([report(NOTHING, unchanged=True)])) as api:
        assert run(["estimate", "O/A/R", "--url", api.url]) == 0

    assert "; 0.00 USD.\n" in capsys.readouterr().out


def test_an_estimate_of_nothing_says_that_nothing_is_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with scripted_api(lambda _: Answer(200, {"results": []})) as api:
        assert run(["estimate", "--all-missing", "--url", api.url]) == 0
        said = capsys.readouterr().out
        assert run(["estimate", "--all-missing", "--json", "--url", api.url]) == 0

    assert "; 0.00 USD.\nNo course is to be started" in said
    assert Estimate.model_validate_json(capsys.readouterr().out).currency == "USD"


@pytest.mark.parametrize("count", [1, 2])
def test_where_no_course_can_be_estimated_there_is_no_bill(
    capsys: pytest.CaptureFixture[str], count: int
) -> None:
    wrong = {"errors": [{"pointer": "/course/id", "detail": "expected a course key"}]}
    with scripted_api(lambda _: Answer(422, wrong)) as api:
        assert run(["estimate", *["nosuch", "neither"][:count], "--url", api.url]) == 2

    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines()[0] == "nosuch: expected a course key"


def test_one_worker_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    one = ESTIMATOR.backfill(work(2), ["primary"]).model_copy(update={"workers": 1})
    with scripted_api(answering([report(one.model_dump(mode="json", by_alias=True))])) as api:
        assert run(["estimate", "O/A/R", "--url", api.url]) == 0

    assert " with 1 worker;" in capsys.readouterr().out
