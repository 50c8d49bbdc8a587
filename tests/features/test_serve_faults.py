"""`serve` when something is wrong: with what it is told to use, or with a process of its own."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest
from pymongo import MongoClient

from course_backfill.cli.app import run
from course_backfill.local.client_file import DATA_DIR_VARIABLE
from course_backfill.local.sample_courses import SPRING
from tests.features.installation import wait_until
from tests.features.served import COMMAND, Served, clean_environment, run_command, serving

PASSWORD = "hunter2"


@pytest.fixture
def clean_shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("MONGO_URI", "MONGO_DATABASE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("serve")) as running:
        assert running.command("load-sample").code == 0
        assert running.command("discover").code == 0
        yield running


@pytest.mark.usefixtures("clean_shell")
@pytest.mark.parametrize(
    ("uri", "code", "said"),
    [
        ("mongodb://", 2, "cannot be used: expected mongodb://"),
        (f"mongodb://u:{PASSWORD}@127.0.0.1:9/?serverSelectionTimeoutMS=90000", 1, "refused"),
        (f"mongodb://u:{PASSWORD}@nowhere.invalid/", 1, "its host name is not known"),
    ],
)
def test_a_mongodb_that_cannot_be_read_is_refused_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], uri: str, code: int, said: str
) -> None:
    began = time.monotonic()
    assert run(["serve", "--mongo-uri", uri, "--data-dir", str(tmp_path / "data")]) == code
    assert time.monotonic() - began < 15
    out, err = capsys.readouterr()
    assert err.startswith("--mongo-uri: ")
    assert said in err
    assert PASSWORD not in out + err
    assert not (tmp_path / "data").exists()


@pytest.mark.usefixtures("clean_shell")
def test_a_mongodb_of_the_environment_is_refused_by_its_variable(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONGO_URI", "mongodb://")
    assert run(["serve"]) == 2
    assert capsys.readouterr().err.startswith("MONGO_URI: ")


@pytest.mark.usefixtures("clean_shell")
@pytest.mark.parametrize("command", ["serve", "aws"])
@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_data_directory_that_cannot_be_made_is_wrong_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, place: str
) -> None:
    (tmp_path / "file").touch()
    assert run([command, "--data-dir", str(tmp_path / place)]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"--data-dir: {tmp_path / place} cannot be used")
    assert "expected a folder to write to" in err


@pytest.mark.usefixtures("clean_shell")
def test_a_demo_that_cannot_store_anything_here_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".local").touch()
    assert run(["demo"]) == 2
    assert capsys.readouterr().err.startswith(".local: .local cannot be used")


def test_serve_says_how_commands_find_it_from_elsewhere(served: Served) -> None:
    last = served.lines[-1]
    assert f"COURSE_BACKFILL_DATA_DIR={served.data_dir} " in last.replace(",", " ")
    assert "--data-dir" in last


def test_a_mongod_that_died_comes_back_where_it_was_with_its_data(served: Served) -> None:
    (first,) = [one for one in _processes(served) if one.name() == "mongod"]
    first.kill()
    line = _next_line(served, "mongodb")
    assert f"(process {first.pid}) was killed by signal 9, and runs again as process" in line
    with MongoClient[dict[str, object]](str(served.client.mongo_uri)) as client:
        files = client[str(served.client.mongo_database)]["fs.files"]
        assert files.count_documents({}) > 0
    assert served.command("start", str(SPRING), "--watch").code == 0


def test_an_api_that_died_comes_back_at_the_same_address(served: Served) -> None:
    url = served.client.url
    _kill(served, "api")
    assert "api (process" in _next_line(served, "api")

    def answers() -> bool:
        try:
            return httpx.get(f"{url}/health", trust_env=False).is_success
        except httpx.TransportError:
            return False

    wait_until(answers)
    assert served.command("status").code == 0


def test_a_worker_that_was_replaced_is_told_with_its_log(served: Served) -> None:
    _kill(served, "replicator")
    line = _next_line(served, "copiers")
    assert "was killed by signal 9, and runs again as process" in line
    assert str(served.data_dir / "logs" / "copiers.log") in line


def test_without_its_aws_serve_ends_and_says_why(tmp_path: Path) -> None:
    with serving(tmp_path) as running:
        processes = _processes(running)
        _kill(running, "aws")
        said, _ = running.process.communicate(timeout=60)
        assert running.process.returncode == 1
        assert "aws was killed by signal 9" in said
        assert "start serve again. What the embedded AWS held is gone." in said
        psutil.wait_procs(processes, timeout=10)
        assert not [one for one in processes if one.is_running()]


def test_ctrl_c_ends_everything_shortly_and_says_what_it_waits_for(tmp_path: Path) -> None:
    with serving(tmp_path) as running:
        running.command("load-sample")
        running.command("discover")
        slow = {"service": "s3", "operation": "PutObject", "key": "assets/", "delay": 60}
        httpx.post(f"{running.client.aws_endpoint_url}/_faults", json={**slow, "times": 9})
        assert running.command("start", str(SPRING)).code == 0
        status = ("status", str(SPRING), "--json")
        wait_until(lambda: running.command(*status).document["stage"] == "replicating")
        time.sleep(1)
        processes = _processes(running)
        (busy,) = [one for one in processes if "replicator" in one.cmdline()]
        running.interrupt()
        busy.wait(timeout=8)
        assert running.ended() == 0
    assert any(line.startswith("Stopping: what is in hand gets 3 s") for line in running.lines)
    assert running.lines[-1] == "Stopped. Nothing is left running."
    assert not [one for one in processes if one.is_running()]
    assert not (tmp_path / "client.json").exists()


def test_an_interrupted_demo_leaves_nothing_and_says_so(tmp_path: Path) -> None:
    with subprocess.Popen(  # noqa: S603 - Our own command.
        [COMMAND, "demo"],
        cwd=tmp_path,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as demo:
        wait_until(lambda: list(tmp_path.glob(".local/demo-*/logs/mongodb.log")))
        demo.send_signal(signal.SIGINT)
        said, _ = demo.communicate(timeout=60)
    assert demo.returncode == 130, said
    assert "what it stored is removed" in said
    assert list((tmp_path / ".local").iterdir()) == []


def test_a_check_beside_a_serve_on_another_mongodb_takes_its_aws_alone(
    served: Served, tmp_path: Path
) -> None:
    own = served.client
    replace(own, mongo_uri=None, mongo_database=None).write(tmp_path)
    here = ("check", "--data-dir", str(tmp_path))
    unnamed = served.command(*here)
    named = served.command(*here, "--mongo-uri", str(own.mongo_uri), "--json")
    assert (unnamed.code, named.code) == (2, 0), named.err
    assert "MONGO_URI: is not set" in unnamed.err
    assert "--mongo-uri" in unnamed.err
    assert "table course-backfill-ingests" in {one["name"] for one in named.document}


def test_a_check_beside_a_serve_on_another_aws_takes_its_mongodb(
    served: Served, tmp_path: Path
) -> None:
    own = served.client
    replace(own, aws_endpoint_url=None).write(tmp_path)
    here = {DATA_DIR_VARIABLE: str(tmp_path)}

    outcome = run_command("check", "--json", AWS_ENDPOINT_URL=str(own.aws_endpoint_url), **here)

    assert outcome.code == 0, outcome
    assert {one["ok"] for one in outcome.document} == {True}


def test_a_check_names_what_has_several_faults_once(served: Served) -> None:
    own = str(served.client.mongo_uri)

    outcome = run_command("check", "--mongo-uri", own, AWS_ENDPOINT_URL="http://127.0.0.1:1")

    named = outcome.err.replace("\n", " ").partition("Not in order: ")[2].strip(" .").split(", ")
    assert "table course-backfill-ingests" in named
    assert len(named) == len(set(named))


def _processes(served: Served) -> list[psutil.Process]:
    return psutil.Process(served.process.pid).children(recursive=True)


def _kill(served: Served, argument: str) -> None:
    """Kills the process that was started with that word."""
    (found,) = [one for one in _processes(served) if argument in one.cmdline()]
    found.kill()


def _next_line(served: Served, beginning: str) -> str:
    """The next line of `serve`'s output that begins so."""
    stream = served.process.stdout
    assert stream is not None
    return next(line for line in stream if line.startswith(beginning))
