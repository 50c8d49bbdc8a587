"""Measures: how long something took, and whose CPU it cost."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import psutil

CORES = os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Measured:
    """One run over files; `cpu` is in seconds by process, `others` what else ran meanwhile."""

    files: int
    bytes: int
    seconds: float
    cpu: Mapping[str, float]
    others: float

    @property
    def files_per_second(self) -> float:
        """Throughput in files."""
        return self.files / self.seconds

    @property
    def megabytes_per_second(self) -> float:
        """Throughput in 10⁶ bytes."""
        return self.bytes / self.seconds / 1e6

    @property
    def disturbance(self) -> float:
        """The share of the machine that other programs used."""
        return self.others / (self.seconds * CORES)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class Stopwatch:
    """Measures work by the clock and by the CPU of the processes that take part in it.

    Before each run it waits, up to `patience` seconds, for other programs to leave the machine
    alone.
    """

    def __init__(self, processes: Mapping[str, psutil.Process], *, patience: float) -> None:
        self._processes = {"worker": psutil.Process(), **processes}
        self._patience = patience

    def measure(self, work: Callable[[], object], *, files: int, size: int) -> Measured:
        """Runs the work once."""
        self._wait_for_quiet()
        machine, before, began = _busy(), self._cpu(), time.perf_counter()
        work()
        seconds = time.perf_counter() - began
        after, busy = self._cpu(), _busy() - machine
        cpu = {name: after[name] - before[name] for name in after}
        others = max(0.0, busy - sum(cpu.values()))
        return Measured(files, size, seconds, cpu, others)

    def _cpu(self) -> dict[str, float]:
        times = {name: process.cpu_times() for name, process in self._processes.items()}
        return {name: one.user + one.system for name, one in times.items()}

    def _wait_for_quiet(self) -> None:
        deadline = time.monotonic() + self._patience
        while time.monotonic() < deadline:
            before = _busy()
            time.sleep(0.5)
            if _busy() - before < 0.1 * 0.5 * CORES:
                return


def typical(runs: list[Measured]) -> Measured:
    """The run of median duration."""
    middle = median(run.seconds for run in runs)
    return min(runs, key=lambda run: abs(run.seconds - middle))


def _busy() -> float:
    now = psutil.cpu_times()
    # Linux counts the time of guests as the user's, too.
    return sum(now) - now.idle - getattr(now, "iowait", 0.0) - getattr(now, "guest", 0.0)
