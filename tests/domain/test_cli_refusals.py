"""What commands refuse before they do anything, and Ctrl-C before they have begun."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest

from course_backfill.cli import entry
from course_backfill.cli.app import run
from course_backfill.cli.download import NoSuchDirectory, TargetIsDirectory, download
from course_backfill.cli.outcomes import INTERRUPTED, WRONG_USE, explain
from course_backfill.local.client_file import ClientFile

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
SHORT = "fifteen-letters"
SERVED_AWS = "http://127.0.0.1:4566"
OWN = {"mongo_uri": "mongodb://127.0.0.1:27018", "aws_endpoint_url": SERVED_AWS}


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("MONGO_URI", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "services", [[], ["planner"], ["janitor", "replicator"], ["verifier", "notifier"]]
)
def test_workers_that_read_mongodb_are_refused_without_one(
    capsys: pytest.CaptureFixture[str], services: list[str]
) -> None:
    assert run(["work", *services]) == WRONG_USE

    said = capsys.readouterr()
    assert said.err.startswith("MONGO_URI: is not set, and MongoDB is what ")
    assert said.out == ""
    assert all(one in said.err for one in services if one not in {"janitor", "notifier"})
    assert "janitor" not in said.err
    assert "notifier" not in said.err


@pytest.mark.parametrize(
    ("services", "said"),
    [(["planner"], "planner reads\n"), (["planner", "verifier"], "planner, verifier read\n")],
)
def test_what_reads_mongodb_is_named(
    capsys: pytest.CaptureFixture[str], services: list[str], said: str
) -> None:
    assert run(["work", *services]) == WRONG_USE
    assert capsys.readouterr().err.endswith(f" MongoDB is what {said}")


def test_workers_that_do_not_read_mongodb_ask_for_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["work", "janitor", "notifier"]) == WRONG_USE
    assert "MONGO_URI" not in capsys.readouterr().err


@pytest.mark.parametrize("command", [["api", "--port", "0"], ["work", "janitor"]])
def test_nothing_says_that_it_is_ready_without_the_region_it_needs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")

    assert run(command) == WRONG_USE

    said = capsys.readouterr()
    assert said.err.startswith("AWS_REGION: expected the region")
    assert said.out == ""


@pytest.mark.parametrize("command", ["api", "serve"])
def test_no_api_is_opened_with_a_token_that_could_be_guessed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    assert run([command, "--token", SHORT]) == WRONG_USE
    monkeypatch.setenv("COURSE_BACKFILL_API_TOKEN", SHORT)
    assert run([command]) == WRONG_USE

    said = capsys.readouterr().err
    assert said.splitlines() == [
        "--token: expected at least 16 characters",
        "COURSE_BACKFILL_API_TOKEN: expected at least 16 characters",
    ]


def test_a_url_that_is_none_is_named_by_its_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "--url", "foo"]) == WRONG_USE
    assert capsys.readouterr().err.startswith("--url: expected an http://")


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (OWN, f"it is at {SERVED_AWS}"),
        ({"mongo_uri": "mongodb://127.0.0.1:27018"}, "it keeps the address to itself"),
    ],
)
def test_a_check_beside_a_serve_whose_aws_it_may_mean_names_the_option(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    own: dict[str, str],
    said: str,
) -> None:
    ClientFile(url="http://127.0.0.1:1", token="t", **own).write(tmp_path)
    monkeypatch.setenv("MONGO_URI", "mongodb://db.example.org/")

    assert run(["check", "--data-dir", str(tmp_path)]) == WRONG_USE

    region, option = capsys.readouterr().err.splitlines()
    assert region.startswith("AWS_REGION: expected the region")
    assert option.startswith("--aws-endpoint-url: or name the AWS of the running serve")
    assert said in option


def test_a_check_without_any_serve_asks_for_the_region_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONGO_URI", "mongodb://db.example.org/")
    assert run(["check"]) == WRONG_USE
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("replace", [False, True])
def test_a_directory_is_no_file_to_write_and_nothing_is_fetched_for_it(
    tmp_path: Path, replace: bool
) -> None:
    with pytest.raises(TargetIsDirectory, match=re.escape(f"{tmp_path} is a directory: name")):
        download("http://127.0.0.1:1", tmp_path, sha256="", size=0, replace=replace)

    assert list(tmp_path.iterdir()) == []


def test_a_file_in_a_directory_that_is_not_there_is_wrong_input(tmp_path: Path) -> None:
    target = tmp_path / "none" / "x"
    with pytest.raises(NoSuchDirectory, match="there is no directory") as refusal:
        download("http://127.0.0.1:1", target, sha256="", size=0, replace=False)

    assert explain(refusal.value) == WRONG_USE
    assert not target.parent.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["aws", "--port", "80x"], "'--port': expected a whole number, not '80x'"),
        (["aws", "--port", "70000"], "'--port': expected 65535 or less, not '70000'"),
        (["estimate", "--courses", "x"], "'--courses': expected a whole number, not 'x'"),
        (["start", "a/b/c", "--max-cost", "much"], "'--max-cost': expected a number, not 'much'"),
        (["warm", "a/b/c", "--tier", "foo"], "'--tier': 'foo' is not one of 'bulk', "),
        (["audit", "--all", "--method", "x"], "'--method': 'x' is not one of 'bytes', "),
    ],
)
def test_a_value_that_does_not_fit_its_option_is_told_in_plain_words(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert run(arguments) == WRONG_USE

    shown = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert f"Invalid value for {said}" in shown


def test_tiers_are_written_as_in_the_documentation(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["warm", "--help"]) == 0
    assert "Bulk|Standard|Expedited" in capsys.readouterr().out


def test_ctrl_c_during_the_imports_ends_the_command_in_silence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted:
        def find_spec(self, *_: object) -> None:
            raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "course_backfill.cli.app")
    monkeypatch.setattr(sys, "meta_path", [Interrupted()])

    with pytest.raises(SystemExit) as end:
        entry.main()

    assert end.value.code == INTERRUPTED == entry.INTERRUPTED
    assert capsys.readouterr() == ("", "")


def test_the_command_begins_where_an_interruption_is_noticed() -> None:
    project = tomllib.loads(PROJECT.read_text())["project"]
    assert project["scripts"] == {"course-backfill": f"{entry.__name__}:{entry.main.__name__}"}
