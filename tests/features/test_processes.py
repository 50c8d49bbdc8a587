"""The supervisor: it restarts what died, stops in order, and takes everything with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from course_backfill.local.kept_process import Program
from course_backfill.local.processes import ProcessEnded, Supervisor

SLEEPER = "import time; print('Ready: soon', flush=True); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('Ready: never', flush=True); time.sleep(600)"
)
TELLS_ITS_END = """
import signal, sys, time
def end(number, frame):
    open(sys.argv[1], "a").write(sys.argv[2])
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("Ready: x", flush=True)
time.sleep(600)
"""
MANAGER = f"""
import contextlib, sys
from pathlib import Path
from course_backfill.local.kept_process import Program
from course_backfill.local.processes import Supervisor
with contextlib.suppress(KeyboardInterrupt), Supervisor() as supervisor:
    pids = []
    for name in ("first", "second"):
        log = Path(sys.argv[1]) / name
        supervisor.start(name, Program(argv=[sys.executable, "-c", {SLEEPER!r}], log_path=log))
        supervisor.ready(name)
        supervisor.keep(name)
        pids.append(supervisor.pid(name))
    print(*pids, flush=True)
    supervisor.wait()
"""


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    with Supervisor() as made:
        yield made


@pytest.fixture
def start(supervisor: Supervisor, tmp_path: Path) -> Callable[..., psutil.Process]:
    def started(name: str, code: str, *arguments: str, restart: bool = False) -> psutil.Process:
        supervisor.start(name, program(tmp_path / f"{name}.log", code, *arguments))
        supervisor.ready(name)
        if restart:
            supervisor.keep(name)
        return psutil.Process(supervisor.pid(name))

    return started


def program(log_path: Path, code: str, *arguments: str, **env: str) -> Program:
    argv = [sys.executable, "-c", code, *arguments]
    return Program(argv=argv, log_path=log_path, env=env, grace=1.0)


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_killed_process_is_replaced(
    supervisor: Supervisor, start: Callable[..., psutil.Process]
) -> None:
    first = start("worker", SLEEPER, restart=True)
    first.kill()
    eventually(lambda: supervisor.pid("worker") != first.pid)
    assert psutil.Process(supervisor.pid("worker")).is_running()
    supervisor.check()


def test_a_replacement_is_told_with_how_the_first_ended_and_the_log(
    supervisor: Supervisor, start: Callable[..., psutil.Process]
) -> None:
    first = start("worker", SLEEPER, restart=True)
    first.kill()
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        raise KeyboardInterrupt

    supervisor.wait(tell)

    second = supervisor.pid("worker")
    (line,) = told
    assert line.startswith(f"worker (process {first.pid}) was killed by signal 9")
    assert f"runs again as process {second}" in line
    assert "worker.log" in line


def test_a_replacement_runs_by_the_command_given_for_it(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    supervisor.start("api", program(log, SLEEPER.replace("soon", "any port")))
    assert supervisor.ready("api") == "any port"
    supervisor.keep("api", program(log, SLEEPER.replace("soon", "that port")).argv)
    psutil.Process(supervisor.pid("api")).kill()
    eventually(lambda: "Ready: that port" in log.read_text())


def test_those_asked_to_end_do_so_side_by_side_and_stay_away(
    supervisor: Supervisor, start: Callable[..., psutil.Process]
) -> None:
    processes = [start(name, STUBBORN, restart=True) for name in "abc"]
    began = time.monotonic()
    supervisor.ask_to_end(*"abc")
    supervisor.stop()
    assert time.monotonic() - began < 2
    assert not [one for one in processes if one.is_running()]


def test_one_that_ended_when_asked_is_not_started_again(
    supervisor: Supervisor, start: Callable[..., psutil.Process]
) -> None:
    process = start("worker", SLEEPER, restart=True)
    supervisor.ask_to_end("worker")
    eventually(lambda: supervisor.exit_code("worker") is not None)
    time.sleep(1)
    assert supervisor.pid("worker") == process.pid


def test_the_pauses_before_restarts_grow(supervisor: Supervisor, tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = "import time; print(time.monotonic(), flush=True)"
    supervisor.start("worker", program(log, code))
    supervisor.keep("worker")
    eventually(lambda: len(log.read_text().splitlines()) >= 4)
    times = [float(line) for line in log.read_text().splitlines()[:4]]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps[0] >= 0.5
    assert gaps[1] >= 1.0
    assert gaps[2] >= 2.0


def test_all_are_stopped_the_last_started_first(
    start: Callable[..., psutil.Process], supervisor: Supervisor, tmp_path: Path
) -> None:
    ends = tmp_path / "ends"
    for name in "abc":
        start(name, TELLS_ITS_END, str(ends), name)
    supervisor.stop()
    assert ends.read_text() == "cba"


def test_one_that_does_not_want_to_end_is_killed(
    supervisor: Supervisor, start: Callable[..., psutil.Process]
) -> None:
    process = start("stubborn", STUBBORN)
    supervisor.stop()
    assert not process.is_running()


def test_an_end_that_was_not_wanted_is_told_with_the_last_lines(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    code = "import sys; print('it is broken'); sys.exit(3)"
    supervisor.start("aws", program(tmp_path / "log", code))
    with pytest.raises(ProcessEnded, match=r"aws ended with 3.*\n.*it is broken"):
        supervisor.ready("aws")
    with pytest.raises(ProcessEnded, match="aws ended with 3"):
        supervisor.wait()


def test_a_program_that_is_not_there_is_told(supervisor: Supervisor, tmp_path: Path) -> None:
    absent = Program(argv=[str(tmp_path / "absent")], log_path=tmp_path / "log")
    supervisor.start("absent", absent)
    with pytest.raises(ProcessEnded, match="absent cannot be started: No such file"):
        supervisor.ready("absent")


def test_settings_are_handed_over_beside_the_environment(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    code = "import os; print('Ready:', os.environ['GIVEN'], 'PATH' in os.environ)"
    supervisor.start("worker", program(tmp_path / "log", code, GIVEN="x"))
    assert supervisor.ready("worker") == "x True"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_the_supervisor(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(  # noqa: S603  # A program of this test.
        [sys.executable, "-c", MANAGER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as manager:
        assert manager.stdout is not None
        kept = [psutil.Process(int(pid)) for pid in manager.stdout.readline().split()]
        kept[0].kill()
        os.kill(manager.pid, number)
        for process in kept:
            process.wait(timeout=30)
        assert manager.wait(timeout=30) == (-number if number == signal.SIGKILL else 0)
