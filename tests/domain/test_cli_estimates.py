"""What is said of estimates, and plans that need no data."""

from __future__ import annotations

import json

import pytest
import typer

from course_backfill.cli.app import run
from course_backfill.cli.bills import ROUNDED, in_short
from course_backfill.cli.dry_runs import print_report
from course_backfill.cli.estimating import bytes_of
from course_backfill.cli.outcomes import WRONG_USE
from course_backfill.estimation.estimator import Estimator
from course_backfill.estimation.formula import FORMULA
from course_backfill.estimation.rates import Rates
from course_backfill.estimation.workloads import assumed_workload
from course_backfill.settings import Settings
from tests.domain.test_cli_copies import COPY
from tests.domain.test_cli_dry_runs import create_dry_run

PLAN = ["estimate", "--courses", "20", "--objects", "200000", "--bytes", "4GB"]
FOUND = Estimator(Settings()).backfill(
    assumed_workload(courses=20, objects=200_000, size=4 * 10**9, rates=Rates()), ["primary"]
)


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("7", 7), ("1TB", 10**12), ("1.5 gb", 1_500_000_000), ("20kB", 20_000)],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert bytes_of(text) == size


@pytest.mark.parametrize("text", ["", "TB", "-1", "1 TiB", "1e9", "nan"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="no size"):
        bytes_of(text)


def test_a_plan_is_estimated_without_any_api(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(PLAN) == 0
    shown = capsys.readouterr().out
    assert "20 courses, 200,000 objects, 4.0 GB" in shown
    assert f"It takes {in_short(FOUND)}." in shown
    assert "S3 writes" not in shown


def test_a_plan_from_a_location_reads_no_mongodb(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    locations = [{"bucket": "plan-primary"}, {"id": "second", "bucket": "plan-second"}]
    monkeypatch.setenv("COURSE_BACKFILL_LOCATIONS", json.dumps(locations))
    assert run([*PLAN, "--from", "primary", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["sourceMillis"], found["workload"]["courses"]) == (0, 20)
    assert {one["location"] for one in found["lines"] if one["isMonthly"]} == {"second"}


def test_a_plan_for_scripts_is_the_whole_estimate(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*PLAN, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == FOUND.model_dump(mode="json", by_alias=True)


def test_explaining_shows_every_line_and_the_formula(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*PLAN, "--explain"]) == 0
    shown = capsys.readouterr().out
    assert FORMULA in shown
    assert ROUNDED in shown.splitlines()
    for line in FOUND.lines:
        assert any(row.strip().startswith(line.item) for row in shown.splitlines())


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--objects", "5"],
        ["--bytes", "5"],
        ["--courses", "5"],
        ["course-v1:O+C+R", "--all-missing"],
        ["course-v1:O+C+R", "--objects", "5", "--bytes", "5"],
        ["--objects", "5", "--bytes", "5", "--location", "nowhere"],
        ["--objects", "5", "--bytes", "5", "--from", "nowhere"],
    ],
)
def test_an_unclear_question_is_refused(arguments: list[str]) -> None:
    assert run(["estimate", *arguments]) == WRONG_USE


def test_a_dry_run_says_in_one_line_what_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    estimate = FOUND.model_dump(mode="json", by_alias=True)
    print_report(create_dry_run(COPY, {"estimate": estimate}))
    assert f"It takes {in_short(FOUND)}." in capsys.readouterr().out.splitlines()
    print_report(create_dry_run(COPY, {"estimate": None}))
    assert "It takes" not in capsys.readouterr().out
