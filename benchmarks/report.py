"""What was measured, as a table for people and as JSON for programs."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.comparison import Comparison
from benchmarks.measuring import CORES, Measured
from benchmarks.memory import Peak

WIDTH = 124
"""Of the table; where there is no terminal, rich assumes a narrower one."""

HEADINGS = (
    "files/s",
    "MB/s",
    "of smaller\nbound",
    "of what the\ncores allow",
    "× naive\npath",
    "CPU ms/file\nworker",
    "\nmongod",
    "\nS3",
    "others'\nCPU",
)
QUIET = 0.1
"""A larger share of the machine used by others is worth a warning."""


def show(console: Console, comparisons: Sequence[Comparison], peak: Peak | None) -> None:
    """Prints one table of all comparisons, and a sentence about memory."""
    if comparisons:
        console.print(_table(comparisons))
    for one in comparisons:
        if one.replicator.disturbance > QUIET:
            share = f"{one.replicator.disturbance:.0%}"
            console.print(f"{one.course}, {one.destination}: other programs used {share} of it.")
    if peak:
        console.print(
            f"A worker that copied {peak.course} in {peak.files:,} files held at most "
            f"{peak.peak / 1e6:.0f} MB, {peak.before / 1e6:.0f} MB of it before the first file; "
            f"{peak.bytes / peak.seconds / 1e6:.0f} MB/s, planning included."
        )


def _table(comparisons: Sequence[Comparison]) -> Table:
    table = Table(title="Copying, and what bounds it", title_justify="left")
    table.add_column("")
    for heading in HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    for one in comparisons:
        table.add_section()
        table.add_row(f"[bold]{one.course} into the {one.destination}")
        table.add_row("  read alone", *_figures(one.reading, "", "", ""))
        table.add_row("  hash alone, one thread", *_figures(one.hashing, "", "", ""))
        table.add_row("  PUT alone", *_figures(one.putting, "", "", ""))
        table.add_row("  naive path", *_figures(one.naive, "", "", "1.0"))
        ratios = (f"{one.of_smaller_bound:.2f}", f"{one.of_machine:.2f}", f"{one.of_naive:.1f}")
        table.add_row("  [bold]replicator", *_figures(one.replicator, *ratios))
    return table


def machine() -> dict[str, Any]:
    """What it was measured on."""
    return {
        "cores": CORES,
        "memoryBytes": psutil.virtual_memory().total,
        "processor": _processor(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def _figures(run: Measured, *ratios: str) -> list[str]:
    cpu = [run.cpu.get(name, 0.0) / run.files * 1000 for name in ("worker", "mongod", "s3")]
    return [
        _short(run.files_per_second),
        _short(run.megabytes_per_second),
        *ratios,
        *map(_short, cpu),
        f"{run.disturbance:.0%}",
    ]


def _short(number: float) -> str:
    digits = 0 if number >= 100 else 1 if number >= 10 else 2
    return f"{number:,.{digits}f}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except FileNotFoundError:
        return platform.processor()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())
