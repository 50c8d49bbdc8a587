"""The MongoDB of our own: a real primary that keeps its data, ends with us, says what it lacks."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from pymongo import MongoClient
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from course_backfill.local.mongod import running_mongod
from course_backfill.local.mongod_binary import VARIABLE, MongodUnavailable, find_mongod

PROGRAM = """
import sys, time, psutil
from pathlib import Path
from course_backfill.local.mongod import running_mongod
with running_mongod(Path(sys.argv[1])):
    print(psutil.Process().children()[0].pid, flush=True)
    time.sleep(600)
"""


def test_it_is_a_primary_and_keeps_its_data_on_another_port(tmp_path: Path) -> None:
    uris = []
    for run in (1, 2):
        with running_mongod(tmp_path) as uri, MongoClient[dict[str, int]](uri) as client:
            uris.append(uri)
            collection = client["test"].get_collection(
                "runs",
                write_concern=WriteConcern("majority"),
                read_concern=ReadConcern("majority"),
            )
            collection.insert_one({"run": run})
            runs = sorted(document["run"] for document in collection.find())
            assert runs == list(range(1, run + 1))
    assert uris[0] != uris[1]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_it_ends_with_the_program_that_started_it(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(  # noqa: S603  # A program of this test.
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as program:
        assert program.stdout is not None
        server = psutil.Process(int(program.stdout.readline()))
        assert server.name() == "mongod"
        program.send_signal(number)
        server.wait(timeout=60)


def test_the_installed_binary_runs_here() -> None:
    assert find_mongod({}).name == "mongod"


def test_a_missing_library_is_named_with_its_package(tmp_path: Path) -> None:
    binary = executable(
        tmp_path,
        "#!/bin/sh\n"
        'echo "mongod: error while loading shared libraries: libcurl.so.4: no such file" >&2\n'
        "exit 127\n",
    )
    with pytest.raises(MongodUnavailable) as caught:
        find_mongod({VARIABLE: str(binary)})
    assert "needs libcurl.so.4. On Debian or Ubuntu: apt-get install libcurl4." in str(caught.value)
    assert "--mongo-uri" in str(caught.value)


def test_every_library_that_the_loader_misses_is_named(tmp_path: Path) -> None:
    """The real binary, made to want libraries that no system has."""
    wanting = find_mongod({}).read_bytes()
    for name in (b"libcurl.so.4", b"liblzma.so.5"):
        wanting = wanting.replace(name + b"\0", name.replace(b"so", b"zz") + b"\0")
    binary = tmp_path / "mongod"
    binary.write_bytes(wanting)
    binary.chmod(0o755)
    with pytest.raises(MongodUnavailable) as caught:
        find_mongod({VARIABLE: str(binary)})
    assert "needs libcurl.zz.4, liblzma.zz.5." in str(caught.value)


@pytest.mark.parametrize("content", [None, "\x7fELF of another machine", "#!/bin/sh\nexit 3\n"])
def test_a_binary_that_cannot_run_is_named_with_what_to_set(
    tmp_path: Path, content: str | None
) -> None:
    binary = tmp_path / "absent" if content is None else executable(tmp_path, content)
    with pytest.raises(MongodUnavailable) as caught:
        find_mongod({VARIABLE: str(binary)})
    assert str(caught.value).startswith(str(binary))
    assert VARIABLE in str(caught.value)


def test_where_there_is_none_at_all_the_text_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "fiftyone", None)
    with pytest.raises(MongodUnavailable, match="Install MongoDB 6 or later"):
        find_mongod({})
    executable(tmp_path, "#!/bin/sh\nexit 0\n")
    assert find_mongod({}) == tmp_path / "mongod"


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    with running_mongod(tmp_path / "first") as uri:
        port = int(uri.partition("127.0.0.1:")[2].partition("/")[0])
        with (
            pytest.raises(MongodUnavailable, match=f"Port {port} is used by another program"),
            running_mongod(tmp_path / "second", port=port),
        ):
            pytest.fail("two servers share a port")


def executable(folder: Path, content: str) -> Path:
    binary = folder / "mongod"
    binary.write_text(content)
    binary.chmod(0o755)
    return binary
