"""Keeps the processes of one machine running: starts, restarts and stops them, in order.

The known process managers do less or much more: honcho neither restarts a process nor stops in
order, circus and supervisor bring a daemon with a network or a configuration of its own, and none
of them ends the processes when the manager itself is killed.
"""

import signal
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from course_backfill.local.kept_process import KeptProcess

LOOK_SECONDS = 0.1
READY = "Ready: "


class ProcessEnded(Exception):
    """A process ended that should not have; the text names it, its end and its last lines."""


class Supervisor:
    """Keeps processes until `stop`, or the end of its block.

    All of them are killed with this process, even by kill -9. Ctrl-C reaches this process only.
    Made in the main thread, it turns SIGTERM into a KeyboardInterrupt, which Ctrl-C is already, so
    that leaving the block stops all of them.
    """

    def __init__(self, grace: float = 10.0) -> None:
        self._grace = grace
        self._kept: dict[str, KeptProcess] = {}
        self._restarted: set[str] = set()
        self._lock = threading.RLock()
        self._stopped = threading.Event()
        self._watch = threading.Thread(target=self._watch_all, name="supervisor", daemon=True)
        self._watch.start()
        self._before: Any = None
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, signal.default_int_handler)

    def start(
        self,
        name: str,
        argv: Sequence[str],
        *,
        log_path: Path,
        env: Mapping[str, str] | None = None,
        restart: bool = False,
    ) -> int:
        """Starts it and answers its process id; its output is added to the file `log_path`.

        `env` is added to this process's own. With `restart` it is started again whenever it ends,
        after a pause that grows.
        """
        with self._lock:
            kept = KeptProcess(name, argv, env, log_path)
            self._kept[name] = kept
            if restart:
                self._restarted.add(name)
            return kept.pid

    def pid(self, name: str) -> int:
        """Of the process that runs under that name now."""
        with self._lock:
            return self._kept[name].pid

    def ready(self, name: str, timeout: float = 60.0) -> str:
        """What stands behind `Ready: ` in its output, once it is there. Raises ProcessEnded."""
        kept = self._kept[name]
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            has_ended = kept.has_ended
            for line in kept.output():
                if line.startswith(READY):
                    return line.removeprefix(READY).strip()
            if has_ended and name not in self._restarted:
                raise ProcessEnded(kept.how_it_ended())
            time.sleep(LOOK_SECONDS / 2)
        raise ProcessEnded(f"{name} is not ready after {timeout:.0f} s. See {kept.log_path}")

    def wait(self) -> None:
        """Until SIGINT or SIGTERM. Raises ProcessEnded where one ended that is not restarted."""
        try:
            while True:
                self.check()
                time.sleep(LOOK_SECONDS)
        except KeyboardInterrupt:
            return

    def check(self) -> None:
        """Raises ProcessEnded where one ended that is not restarted."""
        with self._lock:
            for name, kept in self._kept.items():
                if name not in self._restarted and kept.has_ended:
                    raise ProcessEnded(kept.how_it_ended())

    def stop(self) -> None:
        """Ends all, the last started first; one that outlasts the grace is killed."""
        with self._lock:
            while self._kept:
                self._kept.popitem()[1].stop(self._grace)
        self._stopped.set()
        self._watch.join()
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)
            self._before = None

    def __enter__(self) -> "Supervisor":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _watch_all(self) -> None:
        # Not ended before all have stopped: those that this thread restarted would end with it.
        while not self._stopped.wait(LOOK_SECONDS):
            with self._lock:
                for name in self._restarted & self._kept.keys():
                    self._kept[name].restart_if_due()
