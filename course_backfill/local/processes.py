"""Keeps the processes of one machine running: starts, restarts and stops them, in order.

The known process managers do less or much more: honcho neither restarts a process nor stops in
order, circus and supervisor bring a daemon with a network or a configuration of its own, and none
of them ends the processes when the manager itself is killed.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any

from course_backfill.local.kept_process import KeptProcess, Program

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

    def __init__(self) -> None:
        self._kept: dict[str, KeptProcess] = {}
        self._restarted: set[str] = set()
        self._replacements: SimpleQueue[str] = SimpleQueue()
        self._lock = threading.RLock()
        self._stopped = threading.Event()
        self._watch = threading.Thread(target=self._watch_all, name="supervisor", daemon=True)
        self._watch.start()
        self._before: Any = None
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, signal.default_int_handler)

    def start(self, name: str, program: Program) -> int:
        """Starts it, in place of one of that name that has ended; answers its process id."""
        with self._lock:
            kept = KeptProcess(name, program)
            self._kept[name] = kept
            return kept.pid

    def keep(self, name: str, argv: Sequence[str] | None = None) -> None:
        """From now on it is started again whenever it ends, after a pause that grows.

        With `argv`, by that command.
        """
        with self._lock:
            kept = self._kept[name]
            if argv is not None:
                kept.program = replace(kept.program, argv=argv)
            self._restarted.add(name)

    def pid(self, name: str) -> int:
        """Of the process that runs under that name now."""
        with self._lock:
            return self._kept[name].pid

    def exit_code(self, name: str) -> int | None:
        """Of the process of that name; None while it runs."""
        with self._lock:
            return self._kept[name].exit_code

    def ready(self, name: str, timeout: float = 60.0) -> str:
        """What stands behind `Ready: ` in its output, once it is there. Raises ProcessEnded."""
        kept = self._kept[name]
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            has_ended = kept.exit_code is not None
            for line in kept.output():
                if line.startswith(READY):
                    return line.removeprefix(READY).strip()
            if has_ended and name not in self._restarted:
                raise ProcessEnded(kept.how_it_ended())
            time.sleep(LOOK_SECONDS / 2)
        raise ProcessEnded(
            f"{name} is not ready after {timeout:.0f} s. See {kept.program.log_path}"
        )

    def wait(self, tell: Callable[[str], None] = lambda _: None) -> None:
        """Until SIGINT or SIGTERM. Raises ProcessEnded where one ended that is not restarted.

        `tell` gets a line for a person about each that was.
        """
        try:
            while True:
                self.check()
                try:
                    tell(self._replacements.get(timeout=LOOK_SECONDS))
                except Empty:
                    continue
        except KeyboardInterrupt:
            return

    def check(self) -> None:
        """Raises ProcessEnded where one ended that is not restarted."""
        with self._lock:
            for name, kept in self._kept.items():
                if name not in self._restarted and kept.exit_code is not None:
                    raise ProcessEnded(kept.how_it_ended())

    def ask_to_end(self, *names: str) -> None:
        """Lets these end side by side, for `stop` to find them gone."""
        with self._lock:
            for name in names:
                if name in self._kept:
                    self._kept[name].ask_to_end()

    def stop(self) -> None:
        """Ends all, the last started first; one that outlasts its grace is killed."""
        with self._lock:
            while self._kept:
                self._kept.popitem()[1].stop()
        self._stopped.set()
        self._watch.join()
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)
            self._before = None

    def __enter__(self) -> Supervisor:
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
                    if told := self._kept[name].restart_if_due():
                        self._replacements.put(told)
