"""Estimates of real courses: a dry run of each, added up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from course_backfill.cli.app import run
from course_backfill.estimation.estimates import Workload
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


def report(estimate: dict[str, Any] | None) -> dict[str, Any]:
    return {"objects": 3, "bytes": 5, "estimate": estimate, "wouldFail": estimate is None}


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
