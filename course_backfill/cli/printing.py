"""What a person reads: tables, sizes, durations, and names made harmless to a terminal."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich import box, filesize
from rich.console import Console
from rich.file_proxy import FileProxy
from rich.table import Table
from rich.text import Text

WIDE = 200
"""Columns of a table that goes into a file or a pipe, unless COLUMNS says otherwise."""
FEW = 3
"""Names that are told of many."""

STATUS_STYLES = {
    "succeeded": "green",
    "migrated": "green",
    "ok": "green",
    "failed": "bold red",
    "FAULT": "bold red",
    "cancelled": "yellow",
    "stale": "yellow",
    "in-progress": "cyan",
    "processing": "cyan",
    "not-migrated": "yellow",
}


def console() -> Console:
    """Standard output, for what was asked for; COLUMNS says how wide a file or a pipe is."""
    width = None if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit() else WIDE
    return Console(width=width, highlight=False, markup=False, emoji=False)


def error_console() -> Console:
    """Standard error, for whatever else there is to say."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def say(text: str, style: str = "") -> None:
    """One line or paragraph on standard output, never cut."""
    console().print(Text(text, style=style), soft_wrap=True)


def say_text(text: Text) -> None:
    """One line or paragraph with styles of its own on standard output, never cut."""
    console().print(text, soft_wrap=True)


def remark(text: str, style: str = "") -> None:
    """One line or paragraph on standard error, never cut; above the bars where there are any."""
    if isinstance(sys.stderr, FileProxy):
        # A console of its own would write past the bars, and leave a row of them behind.
        sys.stderr.write(f"{text}\n")
        return
    error_console().print(Text(text, style=style), soft_wrap=True)


def print_json(document: Any) -> None:
    """A document for a script: JSON, indented, nothing else."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str | Text]], *, numbers: Iterable[str] = ()
) -> None:
    """A table whose `numbers` columns are aligned right."""
    right = set(numbers)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, header_style="bold")
    for column in columns:
        table.add_column(
            column, justify="right" if column in right else "left", overflow="fold", no_wrap=False
        )
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    console().print(table)


def status_text(status: str) -> Text:
    """A status in its colour."""
    return Text(status, style=STATUS_STYLES.get(status, ""))


def printable(name: object) -> str:
    """A name from outside with its control characters spelled out.

    A course key or a file name may hold escape sequences that would steer the terminal.
    """
    return "".join(one if one.isprintable() else _spelled_out(one) for one in str(name))


def some_of(names: Sequence[str]) -> str:
    """The first few by name, so that thousands do not fill the terminal: `a, b, c and 7 more`."""
    left = len(names) - FEW
    more = f" and {number(left)} more" if left > 0 else ""
    return f"{', '.join(map(printable, names[:FEW]))}{more}"


def size(count: int | None) -> str:
    """`12.3 MB`; a dash for what is not known."""
    return "–" if count is None else filesize.decimal(count)


def number(count: int | None) -> str:
    """`12,345`; a dash for what is not known."""
    return "–" if count is None else f"{count:,}"


def objects(count: int) -> str:
    """`1 object`, `2 objects`."""
    return f"{count:,} object" if count == 1 else f"{count:,} objects"


def all_objects(count: int) -> str:
    """The same where those of manifests are counted too, which no course has as files."""
    return f"{objects(count)} (manifest files included)"


def copies(count: int) -> str:
    """`1 copy`, `2 copies`."""
    return f"{count:,} copy" if count == 1 else f"{count:,} copies"


def courses(count: int) -> str:
    """`1 course`, `2 courses`."""
    return f"{count:,} course" if count == 1 else f"{count:,} courses"


def workers(count: int) -> str:
    """`1 worker`, `2 workers`."""
    return f"{count:,} worker" if count == 1 else f"{count:,} workers"


def duration(seconds: float | None) -> str:
    """`3 s`, `2 min 5 s`, `1 h 20 min`; a dash for what is not known."""
    if seconds is None:
        return "–"
    whole = max(0, round(seconds))
    minutes, hours = whole // 60, whole // 3600
    if hours:
        return f"{hours} h {minutes % 60} min"
    if minutes:
        return f"{minutes} min {whole % 60} s"
    return f"{whole} s"


def moment(date: str | None) -> str:
    """A stored date to the second, in UTC; a dash for none."""
    return "–" if not date else date[:19].replace("T", " ")


def _spelled_out(character: str) -> str:
    # Blanks and marks that `str.isprintable` does not count in are still part of real names.
    is_harmless = character.isspace() and character not in "\n\r\t\v\f\x1c\x1d\x1e\x1f\x85"
    return character if is_harmless else character.encode("unicode_escape").decode()
