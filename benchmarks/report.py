"""What was measured, as a table for people and as JSON for programs."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.comparison import Comparison
from benchmarks.location_cases import BOUNDS, LocationFigures
from benchmarks.measuring import CORES, Measured
from benchmarks.memory import Peak
from benchmarks.scale import ScaleFigures
from benchmarks.scale_report import show_scale
from benchmarks.state_requests import StateRequests

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
LOCATION_HEADINGS = (
    "objects/s",
    "MB/s",
    "of slowest\nbound",
    "of what the\ncores allow",
    "of its\nCPU",
    "CPU ms/object\nworker",
    "\nS3",
    "others'\nCPU",
)
QUIET = 0.1
"""A larger share of the machine used by others is worth a warning."""


@dataclass(slots=True)
class Results:
    """Everything that one run measured."""

    comparisons: list[Comparison] = field(default_factory=list)
    locations: list[LocationFigures] = field(default_factory=list)
    requests: list[StateRequests] = field(default_factory=list)
    peak: Peak | None = None
    scale: ScaleFigures | None = None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "machine": machine(),
            "comparisons": [one.to_dict() for one in self.comparisons],
            "locations": [one.to_dict() for one in self.locations],
            "requests": [one.to_dict() for one in self.requests],
            "memory": self.peak.to_dict() if self.peak else None,
            "scale": self.scale.to_dict() if self.scale else None,
        }


def show(console: Console, results: Results) -> None:
    """Prints a table of courses and one of locations, and sentences about the rest."""
    if results.comparisons:
        console.print(_table(results.comparisons))
    for one in results.comparisons:
        _warn(console, f"{one.course}, {one.destination}", one.replicator)
    if results.locations:
        console.print(_location_table(results.locations))
    for figures in results.locations:
        for name in BOUNDS:
            _warn(console, f"{figures.objects}, {figures.server}, {name}", figures.runs[name])
    for counted in results.requests:
        console.print(
            f"DynamoDB: {counted.per_thousand:,.0f} requests per 1,000 objects "
            f"({counted.work}, {counted.objects:,} objects)."
        )
    if results.scale:
        show_scale(console, results.scale)
    peak = results.peak
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


def _location_table(locations: Sequence[LocationFigures]) -> Table:
    table = Table(title="Locations, and what bounds them", title_justify="left")
    table.add_column("")
    for heading in LOCATION_HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    for one in locations:
        table.add_section()
        table.add_row(f"[bold]{one.objects} in the {one.server}")
        for name, run in one.runs.items():
            is_bound = name not in BOUNDS
            ratios = (
                [] if is_bound else [one.of_bound(name), one.of_machine(name), one.of_cpu(name)]
            )
            texts = [f"{ratio:.2f}" for ratio in ratios] or [""] * 3
            table.add_row(f"  {name}" if is_bound else f"  [bold]{name}", *_figures(run, *texts))
    return table


def _warn(console: Console, what: str, run: Measured) -> None:
    if run.disturbance > QUIET:
        console.print(f"{what}: other programs used {run.disturbance:.0%} of the machine.")


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
    cpu = [used / run.files * 1000 for name, used in run.cpu.items()]
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
