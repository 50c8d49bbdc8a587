"""Starting, following and fetching where the API or S3 does not do what one would like."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from course_backfill.cli import discovering
from course_backfill.cli.app import run
from course_backfill.cli.download import NoSuchDirectory, download
from course_backfill.cli.outcomes import FAILED, INTERRUPTED, Failed
from tests.features.scripted_api import Answer, Request, ScriptedApi, scripted_api
from tests.features.test_cli_watching import DONE, create_ingest

COURSE = "course-v1:Org+C+R"
CONTENT = b"the bytes of the entry"


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COURSE_BACKFILL_API_TOKEN", "secret")
    monkeypatch.chdir(tmp_path)


def command(api: ScriptedApi, *arguments: str) -> int:
    return run([*arguments, "--url", api.url])


def test_a_busy_course_is_followed_instead_of_started_twice(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def answer(request: Request) -> Answer:
        if request.method == "POST":
            return Answer(409, {"detail": "busy", "ingest": {"id": "i-7"}})
        return Answer(200, create_ingest("i-7", **DONE))

    with scripted_api(answer) as api:
        code = command(api, "start", COURSE, "--watch")

    shown = capsys.readouterr()
    assert code == 0
    assert "already running as ingest i-7" in shown.err
    assert "migrated as v1" in shown.out
    assert api.asked("GET") == ["/ingests/i-7"] * 2
    assert api.asked("POST") == ["/ingests"]


def test_each_course_of_each_call_has_a_key_of_its_own() -> None:
    with scripted_api(lambda _: Answer(201, create_ingest())) as api:
        for _ in range(2):
            command(api, "start", COURSE, "Org/C/R")

    posts = [request for request in api.requests if request.method == "POST"]
    assert [json.loads(one.body)["course"]["id"] for one in posts] == [COURSE, "Org/C/R"] * 2
    assert len({one.headers["idempotency-key"] for one in posts}) == 4


def test_the_options_of_start_are_those_of_the_request() -> None:
    with scripted_api(lambda _: Answer(201, create_ingest())) as api:
        command(api, "start", COURSE, "--on-failure", "keep", "--corrupt-objects", "record")

    assert json.loads(api.requests[0].body) == {
        "type": "Ingest",
        "ingestType": {"id": "backfill-course"},
        "course": {"id": COURSE},
        "dryRun": False,
        "onFailure": "keep",
        "corruptObjects": "record",
    }


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_an_ingest_that_did_not_succeed_makes_the_command_fail(status: str) -> None:
    with scripted_api(lambda _: Answer(200, create_ingest(status=status))) as api:
        assert command(api, "watch", "i-1") == FAILED
        assert command(api, "watch", "i-1", "--json") == FAILED


def test_ctrl_c_ends_the_watching_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    def answer(_: Request) -> Answer:
        os.kill(os.getpid(), signal.SIGINT)
        return Answer(200, create_ingest())

    with scripted_api(answer) as api:
        code = command(api, "watch", "i-1")

    assert code == INTERRUPTED
    assert "The ingests go on" in capsys.readouterr().err
    assert api.asked("POST") == []


def test_a_discovery_that_failed_says_why_and_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    discovery: dict[str, Any] = {"id": "d-1", "status": {"id": "accepted"}, "failure": None}
    failed = {
        **discovery,
        "status": {"id": "failed"},
        "failure": {"detail": "MongoDB denies.", "action": "Check MONGO_URI."},
    }

    with scripted_api(
        lambda request: Answer(200, discovery if request.method == "POST" else failed)
    ) as api:
        code = command(api, "discover")

    assert code == FAILED
    assert capsys.readouterr().err == "MongoDB denies. Check MONGO_URI.\n"


@pytest.mark.parametrize(
    ("checked", "said"),
    [(0, "course-backfill work\n"), (7, "Still comparing with the source: 7 courses so far.\n")],
)
def test_a_discovery_that_takes_long_says_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, checked: int, said: str
) -> None:
    monkeypatch.setattr(discovering, "SILENT_SECONDS", 0)
    counts = {"found": 9, "added": 0, "becameStale": 0, "unread": 0, "unreadExamples": []}
    looks = iter(["accepted", "accepted", "accepted", "succeeded"])
    with scripted_api(
        lambda request: Answer(
            202, {"id": "d", "status": {"id": next(looks)}, "checked": checked, **counts}
        )
    ) as api:
        assert command(api, "discover") == 0
    err = capsys.readouterr().err
    assert err.endswith(said)
    assert err.count("Still") == 1


@pytest.mark.parametrize(
    ("counts", "code", "out", "err"),
    [
        ({"found": 3, "added": 3}, 0, "Found 3 courses, 3 of them new.\n", ""),
        (
            {"found": 3, "checked": 2, "becameStale": 1},
            0,
            "Found 3 courses, 0 of them new. Compared 2 courses with the source, 1 became stale. "
            "Next: course-backfill start --all-missing\n",
            "",
        ),
        (
            {"found": 3, "unread": 1, "unreadExamples": [{"id": "c", "detail": "denied"}]},
            FAILED,
            "Found 3 courses, 0 of them new.\n",
            "c: denied\n1 course could not be compared with the source. "
            "Next: course-backfill check\n",
        ),
    ],
)
def test_a_discovery_says_what_became_stale_and_what_could_not_be_compared(
    capsys: pytest.CaptureFixture[str], counts: dict[str, Any], code: int, out: str, err: str
) -> None:
    nothing = {"added": 0, "checked": 0, "becameStale": 0, "unread": 0, "unreadExamples": []}
    discovery = {"id": "d-1", "status": {"id": "succeeded"}, **nothing, **counts}
    with scripted_api(lambda request: Answer(202, discovery)) as api:
        assert command(api, "discover") == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == (out, err)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, CONTENT[:-1]),
        Answer(200, CONTENT + b"!"),
        Answer(200, b"x" * len(CONTENT)),
        Answer(403, b"<Error/>"),
        Answer(cut=True),
    ],
)
def test_what_is_not_the_entry_is_never_a_file(answer: Answer, tmp_path: Path) -> None:
    with scripted_api(lambda _: answer) as s3, pytest.raises(Failed) as failure:
        fetch(s3, tmp_path / "file", replace=False)

    assert list(tmp_path.iterdir()) == []
    assert "signature" not in str(failure.value)


def test_the_token_is_not_sent_to_s3(tmp_path: Path) -> None:
    with scripted_api(lambda _: Answer(200, CONTENT)) as s3:
        fetch(s3, tmp_path / "file", replace=False)

    assert (tmp_path / "file").read_bytes() == CONTENT
    assert "authorization" not in s3.requests[0].headers


def test_a_failed_replacement_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")

    with scripted_api(lambda _: Answer(200, b"wrong")) as s3, pytest.raises(Failed):
        fetch(s3, tmp_path / "file", replace=True)

    assert (tmp_path / "file").read_bytes() == b"old"


def test_a_folder_that_is_not_there_is_named_and_nothing_is_fetched_for_it(tmp_path: Path) -> None:
    with scripted_api(lambda _: Answer(200, CONTENT)) as s3:
        with pytest.raises(NoSuchDirectory, match="nope"):
            fetch(s3, tmp_path / "nope" / "file", replace=False)
        assert s3.requests == []


def fetch(s3: ScriptedApi, target: Path, *, replace: bool) -> None:
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    url = f"{s3.url}/key?signature=abc"
    download(url, target, sha256=sha256, size=len(CONTENT), replace=replace)
