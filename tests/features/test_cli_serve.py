"""The commands against a real `serve`: what a person reads, and what scripts get."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from course_backfill.cli.api_client import course_path
from course_backfill.cli.connection import open_api
from course_backfill.local.sample_courses import AUTUMN, DAMAGED, GALLERY, NAMES, SPRING
from tests.features.served import Served, serving

UNKNOWN = "course-v1:No+Such+Course"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("serve")) as running:
        assert running.command("load-sample").code == 0
        assert running.command("discover").code == 0
        yield running


@pytest.fixture(scope="module")
def backfilled(served: Served) -> Served:
    """The stack once every course was started."""
    outcome = served.command("start", "--all-missing", "--watch")
    assert outcome.code == 1, outcome
    assert outcome.out.count("migrated as v1") == 9
    return served


def test_serve_prints_where_it_is_and_keeps_the_token_to_its_owner(served: Served) -> None:
    assert f"Ready: {served.client.url}" in served.lines
    assert served.lines.count(f"Token: {served.client.token}") == 1
    assert (served.data_dir / "client.json").stat().st_mode & 0o777 == 0o600
    assert served.data_dir.stat().st_mode & 0o777 == 0o700


def test_no_secret_is_in_an_argument_or_a_log(served: Served) -> None:
    served.command("status")
    processes = psutil.Process(served.process.pid).children(recursive=True)
    arguments = [argument for process in processes for argument in process.cmdline()]
    logs = [path.read_text() for path in (served.data_dir / "logs").iterdir()]

    assert len(processes) == 5
    assert len(logs) == 5
    assert not [text for text in arguments + logs if served.client.token in text]


def test_a_second_serve_on_the_same_directory_is_refused(served: Served) -> None:
    outcome = served.command("serve")

    assert outcome.code == 2
    assert served.client.url in outcome.err
    assert "--data-dir" in outcome.err


def test_a_taken_port_is_refused_before_anything_starts(served: Served, tmp_path: Path) -> None:
    port = served.client.url.rsplit(":", 1)[1]

    outcome = served.command("serve", "--data-dir", str(tmp_path / "other"), "--port", port)

    assert outcome.code == 2
    assert "--port" in outcome.err
    assert not (tmp_path / "other").exists()


def test_the_sample_is_not_written_over_content(served: Served) -> None:
    outcome = served.command("load-sample")

    assert outcome.code == 2
    assert "edxapp.fs.files: the collection is not empty" in outcome.err


def test_setup_may_be_repeated_and_the_probe_tries_for_real(served: Served) -> None:
    outcome = served.command(
        "setup", "--probe", "--json", "--aws-endpoint-url", str(served.client.aws_endpoint_url)
    )

    names = [one["name"] for one in outcome.document]
    assert outcome.code == 0, outcome.err
    assert "table course-backfill-ingests" in names
    assert "course-backfill-primary: create-only write" in names


def test_a_check_of_a_healthy_stack_finds_no_fault(served: Served) -> None:
    outcome = served.command("check", "--json")

    assert outcome.code == 0, outcome.out
    assert {one["ok"] for one in outcome.document} == {True}
    assert "quiet hours" in {one["name"] for one in outcome.document}


def test_a_check_names_each_fault_and_exits_with_1(served: Served) -> None:
    own = served.client
    options = ("--mongo-uri", str(own.mongo_uri), "--mongo-database", "nowhere")

    outcome = served.command("check", *options, "--aws-endpoint-url", str(own.aws_endpoint_url))

    assert outcome.code == 1
    assert "FAULT" in outcome.out
    assert "contentstore" in outcome.err


def test_a_dry_run_says_what_would_be_moved_and_what_is_wrong(served: Served) -> None:
    sound = served.command("start", str(SPRING), "--dry-run")
    damaged = served.command("start", str(DAMAGED), "--dry-run", "--read-source")

    assert sound.code == 0
    assert "12 objects" in sound.out
    assert damaged.code == 1
    assert "digest-mismatch" in damaged.out
    assert "An ingest would FAIL" in damaged.out


def test_what_failed_is_named_with_the_file_the_error_and_the_next_step(backfilled: Served) -> None:
    outcome = backfilled.command("failures", str(DAMAGED))

    assert outcome.code == 0
    assert "assets/broken.bin" in outcome.out
    assert "digest-mismatch" in outcome.out
    assert "Upload the file again in Studio" in outcome.out


def test_failures_and_the_report_are_csv_for_a_spreadsheet(backfilled: Served) -> None:
    failures = _table(backfilled.command("failures", str(DAMAGED), "--csv").out)
    report = _table(backfilled.command("report", "--csv").out)

    assert [row["path"] for row in failures] == ["assets/broken.bin"]
    assert len(report) == 10
    assert {row["course"] for row in report if row["status"] != "migrated"} == {str(DAMAGED)}


def test_the_report_shows_what_needs_help_first_and_how(backfilled: Served) -> None:
    outcome = backfilled.command("report")

    rows = [line for line in outcome.out.splitlines() if "migrated" in line or "failed" in line]
    assert outcome.code == 0
    assert rows[0].startswith(f" {DAMAGED}")
    assert f"course-backfill failures {DAMAGED}" in outcome.out
    assert "10 courses: 9 backfilled, 1 not" in outcome.out


def test_starting_all_again_moves_nothing_that_is_migrated(backfilled: Served) -> None:
    again = backfilled.command("start", "--all-missing", "--watch", "--json")
    by_name = backfilled.command("start", str(NAMES), "--watch")

    assert again.code == 1
    assert {one["course"]["id"] for one in again.document} == {str(DAMAGED)}
    assert by_name.code == 0
    assert "nothing to do" in by_name.out
    assert "0 objects moved" in by_name.out


def test_a_file_comes_back_whole_and_never_over_another(backfilled: Served, tmp_path: Path) -> None:
    target = tmp_path / "syllabus.pdf"
    wanted = ("get", str(SPRING), "assets/syllabus.pdf", "-o", str(target))

    first = backfilled.command(*wanted, "--json")
    found = hashlib.sha256(target.read_bytes()).hexdigest()
    target.write_bytes(b"mine")
    second = backfilled.command(*wanted)
    kept = target.read_bytes()
    third = backfilled.command(*wanted, "--force")

    folder = backfilled.command(*wanted[:-1], str(tmp_path), "--force")

    assert (first.code, second.code, third.code, folder.code) == (0, 2, 0, 2)
    assert folder.err == f"{tmp_path} is a directory: name a file.\n"
    assert found == first.document["sha256"]
    assert kept == b"mine"
    assert hashlib.sha256(target.read_bytes()).hexdigest() == found
    assert list(tmp_path.iterdir()) == [target]


def test_every_oddly_named_file_can_be_fetched(backfilled: Served, tmp_path: Path) -> None:
    (version,) = backfilled.command("versions", str(NAMES), "--json").document
    paths = _paths(backfilled, str(NAMES), version["id"])

    codes = {
        path: backfilled.command("get", str(NAMES), path, "-o", str(tmp_path / str(number))).code
        for number, path in enumerate(paths)
    }

    assert len(codes) == version["objects"] == 10
    assert set(codes.values()) == {0}, codes


def test_a_path_that_is_not_there_is_no_file(backfilled: Served, tmp_path: Path) -> None:
    outcome = backfilled.command("get", str(SPRING), "assets/nope", "-o", str(tmp_path / "x"))

    assert outcome.code == 2
    assert "has no entry assets/nope" in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_status_tells_about_all_and_about_one(backfilled: Served) -> None:
    everything = backfilled.command("status")
    listed = backfilled.command("status", "--json").document["ended"]
    one = backfilled.command("status", str(AUTUMN))
    ends = [line[:19] for line in everything.out.splitlines() if line.startswith("20")]

    assert everything.code == one.code == 0
    assert len(ends) == 10
    assert ends == sorted(ends)
    assert all(f"ingest {ingest['id']}" in everything.out for ingest in listed)
    assert "Registered v1" in one.out


def test_wrong_courses_are_each_refused_and_the_others_started(backfilled: Served) -> None:
    outcome = backfilled.command("start", UNKNOWN, "not-a-course", str(SPRING), "--watch")

    assert outcome.code == 2
    assert f"{UNKNOWN}: is not known" in outcome.err
    assert "not-a-course: " in outcome.err
    assert "nothing to do" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("cancel", str(SPRING)), 1, "has ended"),
        (("retry", str(SPRING)), 1, "succeeded"),
        (("failures", UNKNOWN), 2, "not known"),
        (("failures", "no-such-ingest"), 2, "no-such-ingest"),
        (("versions", "x"), 2, "Org/Course/Run"),
        (("redrive", "nothing"), 1, "could be sent"),
        (("watch", UNKNOWN), 2, "not known"),
        (("status", "--token", "wrong"), 2, "COURSE_BACKFILL_API_TOKEN"),
        (("start",), 2, "--all-missing"),
        (("start", str(SPRING), "--read-source"), 2, "--dry-run"),
        (("redrive",), 2, "--service"),
    ],
)
def test_a_refusal_says_why_and_shows_no_trace(
    backfilled: Served, arguments: tuple[str, ...], code: int, said: str
) -> None:
    outcome = backfilled.command(*arguments)

    assert outcome.code == code, outcome
    assert said in outcome.err
    assert "Traceback" not in outcome.err + outcome.out


def test_there_are_no_dead_letters_and_nothing_to_watch(backfilled: Served) -> None:
    assert "no dead letters" in backfilled.command("dead-letters").out
    assert "No ingest is under way" in backfilled.command("watch").out


def test_restores_of_the_embedded_aws_are_noticed_when_they_are_done(backfilled: Served) -> None:
    aws = str(backfilled.client.aws_endpoint_url)
    there = {"bucket": "course-backfill-primary", "prefix": f"courses/{GALLERY}/v1/assets/"}
    httpx.post(f"{aws}/_archive", json={**there, "storageClass": "GLACIER"}).raise_for_status()
    httpx.post(f"{aws}/_restores", json={"seconds": 3}).raise_for_status()

    outcome = backfilled.command("warm", str(GALLERY), "--watch")

    assert outcome.code == 0, outcome
    assert "can be read until" in outcome.out


def _table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def _paths(served: Served, course: str, version: str) -> list[str]:
    with open_api(served.client.url, served.client.token, served.data_dir) as api:
        entries = api.pages(course_path(course, "versions", version, "entries"))
        return [str(entry["path"]) for entry in entries]
