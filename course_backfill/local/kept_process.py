"""One process that is kept running: its command, its log, and when to start it again."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from course_backfill.local.bound_process import bound

FIRST_GAP = 0.5
LONGEST_GAP = 15.0
STEADY_SECONDS = 60.0
"""After running so long, a process that ends is restarted without the gaps of before."""

TOLD_LINES = 5
TOLD_BYTES = 4096


class KeptProcess:
    """Starts at once; its output is added to the file `log_path`.

    It ends with the thread that makes, or restarts, it.
    """

    def __init__(
        self, name: str, argv: Sequence[str], env: Mapping[str, str] | None, log_path: Path
    ) -> None:
        self.name = name
        self.log_path = log_path
        self._argv = list(argv)
        self._env = None if env is None else {**os.environ, **env}
        self._gap = FIRST_GAP
        self._restart_due: float | None = None
        log_path.parent.mkdir(parents=True, exist_ok=True)
        self._launch()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def restart_if_due(self) -> None:
        """Each time it ended soon, the pause before the next start is twice as long."""
        now = time.monotonic()
        if not self.has_ended:
            return
        if self._restart_due is None:
            if now - self._started > STEADY_SECONDS:
                self._gap = FIRST_GAP
            self._restart_due = now + self._gap
            self._gap = min(self._gap * 2, LONGEST_GAP)
        elif now >= self._restart_due:
            self._restart_due = None
            self._launch()

    def stop(self, grace: float) -> None:
        """Asks it to end; after `grace` seconds it is killed, with all that it started."""
        self._process.terminate()
        try:
            self._process.wait(grace)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def output(self) -> list[str]:
        """The lines it has written since it was started."""
        with self.log_path.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace").splitlines()

    def how_it_ended(self) -> str:
        """For a person: how, where to look, and its last lines."""
        code = self._process.returncode
        how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
        with self.log_path.open("rb") as log:
            log.seek(max(self._log_start, self.log_path.stat().st_size - TOLD_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
        told = "\n".join(lines[-TOLD_LINES:])
        return f"{self.name} {how}. See {self.log_path}; its last lines:\n{told}"

    def _launch(self) -> None:
        with self.log_path.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(  # noqa: S603 - The caller's own command.
                bound(self._argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._env,
                # Ctrl-C would otherwise reach all processes at once, and in no order.
                start_new_session=True,
            )
        self._started = time.monotonic()
