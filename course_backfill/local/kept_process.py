"""One process that is kept running: its command, its log, and when to start it again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from course_backfill.local.bound_process import bound

FIRST_GAP = 0.5
LONGEST_GAP = 15.0
STEADY_SECONDS = 60.0
"""After running so long, a process that ends is restarted without the gaps of before."""

TOLD_LINES = 5
TOLD_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What to run, and how to end it.

    `env` is added to this process's own, and the output to the file `log_path`. Asked to end, it
    has `grace` seconds. It is sent `orphaned` where this process ends without asking.
    """

    argv: Sequence[str]
    log_path: Path
    env: Mapping[str, str] | None = None
    grace: float = 10.0
    orphaned: signal.Signals = signal.SIGKILL


class KeptProcess:
    """Starts at once. It ends with the thread that makes, or restarts, it."""

    def __init__(self, name: str, program: Program) -> None:
        self.name = name
        self.program = program
        self._gap = FIRST_GAP
        self._restart_due: float | None = None
        self._must_end_by: float | None = None
        program.log_path.parent.mkdir(parents=True, exist_ok=True)
        self._launch()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def restart_if_due(self) -> str | None:
        """A sentence for a person, if it had ended and was started again just now.

        Each time it ended soon, the pause before the next start is twice as long.
        """
        now = time.monotonic()
        if self.exit_code is None or self._must_end_by is not None:
            return None
        if self._restart_due is None:
            if now - self._started > STEADY_SECONDS:
                self._gap = FIRST_GAP
            self._restart_due = now + self._gap
            self._gap = min(self._gap * 2, LONGEST_GAP)
        if now < self._restart_due:
            return None
        end = f"{self.name} (process {self.pid}) {self._end()}"
        self._restart_due = None
        self._launch()
        return f"{end}, and runs again as process {self.pid}. Its log: {self.program.log_path}"

    def ask_to_end(self) -> None:
        """Asks once; from then on it is not started again."""
        if self._must_end_by is None:
            self._must_end_by = time.monotonic() + self.program.grace
            self._process.terminate()

    def stop(self) -> None:
        """Asks it to end; after its grace it is killed, with all that it started."""
        self.ask_to_end()
        try:
            self._process.wait(max(0.0, (self._must_end_by or 0.0) - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def output(self) -> list[str]:
        """The lines it has written since it was started."""
        with self.program.log_path.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace").splitlines()

    def how_it_ended(self) -> str:
        """For a person: how, where to look, and its last lines."""
        path = self.program.log_path
        with path.open("rb") as log:
            log.seek(max(self._log_start, path.stat().st_size - TOLD_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
        told = "\n".join(lines[-TOLD_LINES:])
        return f"{self.name} {self._end()}. See {path}; its last lines:\n{told}"

    def _end(self) -> str:
        code = self._process.returncode
        return f"was killed by signal {-code}" if code < 0 else f"ended with {code}"

    def _launch(self) -> None:
        program = self.program
        with program.log_path.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(  # noqa: S603 - The caller's own command.
                bound([*program.argv], program.orphaned),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=None if program.env is None else {**os.environ, **program.env},
                # Ctrl-C would otherwise reach all processes at once, and in no order.
                start_new_session=True,
            )
        self._started = time.monotonic()
