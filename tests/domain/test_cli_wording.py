"""What the commands say of failures and of many ingests, in the command line's own words."""

from __future__ import annotations

import re
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from course_backfill.audits import AUDIT_ADVICE
from course_backfill.cli.app import app, run
from course_backfill.cli.failure_lists import advice_of, consequence_of
from course_backfill.cli.ingest_view import IngestView
from course_backfill.cli.summaries import summary
from course_backfill.cli.wording import as_options, option_of
from course_backfill.failures import ADVICE


def create_view(status: str = "succeeded", **fields: Any) -> IngestView:
    """An ingest that moved two objects, unless told otherwise."""
    return IngestView(
        {
            "id": "i-1",
            "course": {"id": "course-v1:Org+C+R", "version": "v1"},
            "status": {"id": status},
            "dryRun": False,
            "corruptObjects": "fail",
            "report": None,
            "events": [],
            "failures": {"count": 0},
            "progress": {"objectsDone": 2, "bytesDone": 1_000},
            "createdDate": "2026-03-02T08:00:00.000Z",
            "lastModifiedDate": "2026-03-02T08:00:03.000Z",
        }
        | fields
    )


def create_dry_run(**report: Any) -> IngestView:
    """A dry run of a sound course whose bytes were not read."""
    found = {"objects": 3, "bytes": 9, "bytesWereRead": False, "unchanged": False}
    return create_view(dryRun=True, report={**found, "wouldFail": False, **report})


@pytest.mark.parametrize(
    ("pointer", "option"),
    [
        ("/course/id", "COURSE"),
        ("course_id", "COURSE"),
        ("ingest_id", "INGEST"),
        ("?status", "--status"),
        ("/readSource", "--read-source"),
        ("/corruptObjects", "--corrupt-objects"),
        ("/ids/3", "ID"),
        ("Idempotency-Key", "Idempotency-Key"),
    ],
)
def test_a_place_in_a_request_is_called_by_its_option(pointer: str, option: str) -> None:
    assert option_of(pointer) == option


@pytest.mark.parametrize("advice", [*ADVICE.values(), *AUDIT_ADVICE.values()])
def test_what_advice_names_is_a_command_or_an_option_of_one(advice: str) -> None:
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    commands = group.commands
    parameters = [one for command in commands.values() for one in command.params]
    options = {option for one in parameters for option in (*one.opts, *one.secondary_opts)}

    assert set(re.findall(r"--[a-z-]+", as_options(advice))) <= options
    assert set(re.findall(r"course-backfill ([a-z-]+)", advice)) <= commands.keys()


def test_a_route_is_said_as_the_command_that_asks_it() -> None:
    said = as_options("POST /discoveries (course-backfill discover) finds new courses")

    assert said == "course-backfill discover finds new courses"


@pytest.mark.parametrize(
    ("view", "failure", "consequence"),
    [
        (create_view("failed"), {}, "made the ingest fail"),
        (create_view(corruptObjects="record"), {}, "left out"),
        (
            create_view("failed", corruptObjects="record"),
            {"stage": "verifying"},
            "made the ingest fail",
        ),
        (create_view(dryRun=True), {}, "would make the ingest fail"),
        (create_view(dryRun=True, corruptObjects="record"), {}, "would be left out"),
        (
            create_view(dryRun=True),
            {"severity": "warning"},
            "a warning: nothing fails because of it",
        ),
    ],
)
def test_a_failure_tells_what_became_of_its_file(
    view: IngestView, failure: dict[str, str], consequence: str
) -> None:
    failed = {"severity": "failure", "stage": "replicating"} | failure

    assert consequence_of(failed, view) == consequence


@pytest.mark.parametrize("action", ADVICE.values())
def test_nobody_is_advised_to_record_what_was_recorded_already(action: str) -> None:
    recorded = advice_of({"action": action}, create_view(corruptObjects="record"))

    assert "--corrupt-objects" not in recorded
    assert recorded


@pytest.mark.parametrize(
    ("ends", "refused", "said"),
    [
        ([create_view()] * 3, 0, "3 migrated; moved: 6 objects, 3.0 kB"),
        (
            [create_view(), create_view("failed"), create_view("cancelled")],
            2,
            "1 migrated, 1 failed, 1 cancelled, 2 refused; moved: 2 objects, 1.0 kB",
        ),
        (
            [create_view(failures={"count": 1}), create_view()],
            0,
            "2 migrated; moved: 4 objects, 2.0 kB; 1 object left out",
        ),
        ([create_view(course={"id": "c", "version": None})] * 2, 0, "2 had nothing to do"),
        (
            [
                create_dry_run(),
                create_dry_run(bytesWereRead=True),
                create_dry_run(wouldFail=True),
                create_dry_run(unchanged=True),
            ],
            0,
            "1 without a fault so far, 1 would succeed, 1 would fail, "
            "1 would have nothing to do; in the source: 12 objects, 36 bytes",
        ),
    ],
)
def test_many_ingests_end_with_one_line(ends: list[IngestView], refused: int, said: str) -> None:
    assert summary(ends, refused=refused) == said


def test_an_ingest_ended_when_it_ended_whatever_came_after() -> None:
    events = [
        {"step": "end", "createdDate": "2026-03-02T08:00:02.000Z"},
        {"step": "sweep", "createdDate": "2026-03-03T08:00:02.000Z"},
    ]
    view = create_view("cancelled", events=events, lastModifiedDate=events[1]["createdDate"])

    assert view.ended_date == events[0]["createdDate"]
    assert view.seconds == 2


def test_only_a_failure_that_was_kept_names_retry() -> None:
    failed = {"failure": {"detail": "It broke.", "action": "Mend it."}}
    kept = create_view("failed", failureKept=True, keptUntil="2026-03-16T08:00:00.000Z", **failed)

    assert "course-backfill retry i-1" in kept.advice()
    assert kept.advice().startswith("Mend it. ")
    assert create_view("failed", **failed).advice() == "Mend it."


def test_what_lies_in_many_locations_was_moved_once() -> None:
    replicas = [
        {"location": "cold", "objectsDone": 5, "bytesDone": 90},
        {"location": "primary", "objectsDone": 2, "bytesDone": 10},
    ]
    progress = {"objectsDone": 7, "bytesDone": 100}
    view = create_view(replicas=replicas, progress=progress)

    assert view.end() == "migrated as v1: 2 objects, 10 bytes, in 2 locations, in 3 s"
    assert summary([view, view]) == "2 migrated; moved: 4 objects, 20 bytes"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("report", "--csv", "--json"), "exclude each other"),
        (("failures", "i-1", "--csv", "--json"), "exclude each other"),
        (("entries", "course-v1:O+C+R", "--csv", "--json"), "exclude each other"),
    ],
)
def test_two_formats_at_once_are_refused_before_anything_is_asked(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "--url", "http://127.0.0.1:1", "--token", "t"]) == 2
    assert said in capsys.readouterr().err


def test_the_version_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("course-backfill 0.")
