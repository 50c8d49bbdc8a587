"""How watched ingests look: progress bars on a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from course_backfill.cli.ingest_view import IngestView
from course_backfill.cli.printing import STATUS_STYLES, console, number, size
from course_backfill.cli.watching import Display

LINE_EVERY = 10.0
"""Seconds between two lines about the same stage of an ingest."""
LINE_EVERY_WARMING = 600.0
"""The same while nothing changes about restores, which take hours."""


@contextmanager
def display_for(quiet: bool = False, screen: Console | None = None) -> Iterator[Display]:
    """Bars on a terminal, lines otherwise, nothing where the output is for a script."""
    screen = screen or console()
    if quiet:
        yield Silence()
    elif screen.is_terminal:
        with BarDisplay(screen) as bars:
            yield bars
    else:
        yield LineDisplay(screen)


class Silence:
    """Shows nothing."""

    def show(self, ingest: IngestView) -> None:
        """Nothing."""

    def ended(self, ingest: IngestView) -> None:
        """Nothing."""


class LineDisplay:
    """A line whenever a stage begins, and now and then in between."""

    def __init__(self, screen: Console, *, now: Callable[[], float] = time.monotonic) -> None:
        self._screen = screen
        self._now = now
        self._said: dict[str, tuple[str, float]] = {}

    def show(self, ingest: IngestView) -> None:
        """Says where the ingest is, unless that was said a moment ago."""
        at = ingest.note
        said, when = self._said.get(ingest.id, ("", 0.0))
        gap = LINE_EVERY_WARMING if ingest.is_warming else LINE_EVERY
        if at == said and self._now() - when < gap:
            return
        self._said[ingest.id] = (at, self._now())
        self._screen.print(Text(f"{ingest.course}: {ingest.standing()}"), soft_wrap=True)

    def ended(self, ingest: IngestView) -> None:
        """Says how it ended."""
        print_end(self._screen, ingest)


class BarDisplay:
    """A bar for each ingest under way, as many as fit; a lasting line for each that ended."""

    def __init__(self, screen: Console) -> None:
        self._screen = screen
        self._tasks: dict[str, TaskID] = {}
        columns = _columns(screen.width)
        self._bars = Progress(*columns, console=screen, refresh_per_second=4, expand=True)

    def __enter__(self) -> BarDisplay:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        for task in self._tasks.values():
            self._bars.remove_task(task)
        self._bars.stop()

    def show(self, ingest: IngestView) -> None:
        """Moves the ingest's bar."""
        if ingest.id not in self._tasks:
            if len(self._tasks) >= max(1, self._screen.height - 4):
                return  # One more bar would push the others off the screen.
            self._tasks[ingest.id] = self._bars.add_task("", total=None, view=ingest)
        self._bars.update(
            self._tasks[ingest.id],
            total=None if ingest.percent is None else 100,
            completed=ingest.percent or 0,
            view=ingest,
        )

    def ended(self, ingest: IngestView) -> None:
        """Replaces the bar by a line."""
        task = self._tasks.pop(ingest.id, None)
        if task is not None:
            self._bars.remove_task(task)
        print_end(self._screen, ingest)


def print_end(screen: Console, ingest: IngestView) -> None:
    """How an ingest ended, and for a failure what to do next."""
    line = Text()
    line.append(f"{ingest.course}: ")
    line.append(ingest.end(), style=STATUS_STYLES[ingest.ended_as])
    screen.print(line, soft_wrap=True)
    if ingest.ended_as == "failed":
        screen.print(Text(f"  next: course-backfill failures {ingest.id}"), soft_wrap=True)
    if ingest.kept_until:
        line = Text(f"  or go on from there: course-backfill retry {ingest.id}")
        screen.print(line, soft_wrap=True)


def _columns(width: int) -> list[ProgressColumn]:
    """Course, bar and stage always; the figures as far as the terminal is wide enough."""
    columns: list[ProgressColumn] = [
        _Field(lambda view: view.course, Column(ratio=4, no_wrap=True, overflow="ellipsis")),
        BarColumn(bar_width=None, table_column=Column(ratio=1)),
        _Field(_percent, Column(justify="right", no_wrap=True)),
        _Field(_objects, Column(justify="right", no_wrap=True)),
    ]
    if width >= 100:
        columns += [
            _Field(_bytes, Column(justify="right", no_wrap=True)),
            _Field(_rate, Column(justify="right", no_wrap=True)),
            _Field(lambda view: view.time_left, Column(justify="right", no_wrap=True)),
        ]
    stage = Column(ratio=2, no_wrap=True, overflow="ellipsis")
    return [*columns, _Field(lambda view: view.note, stage)]


class _Field(TextColumn):
    """A column that reads the ingest behind the bar."""

    def __init__(self, read: Callable[[IngestView], str], column: Column) -> None:
        super().__init__("", table_column=column)
        self._read = read

    def render(self, task: Task) -> Text:
        """The field's text."""
        return Text(self._read(task.fields["view"]))


def _percent(view: IngestView) -> str:
    return "" if view.percent is None or view.is_warming else f"{view.percent} %"


def _objects(view: IngestView) -> str:
    return "" if view.is_warming else f"{number(view.objects_now)}/{number(view.objects_total)}"


def _bytes(view: IngestView) -> str:
    return "" if view.is_warming else f"{size(view.bytes_now)}/{size(view.bytes_total)}"


def _rate(view: IngestView) -> str:
    return f"{size(view.bytes_per_second)}/s" if view.bytes_per_second else ""
