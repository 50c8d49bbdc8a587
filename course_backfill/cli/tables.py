"""Tables that fit the terminal: what names a row stays whole, the rest makes room for it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from course_backfill.cli.printing import console, remark

INDENT = 2
GAP = 2


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `may_go` leaves it out where the terminal is too narrow for all of them.

    A column whose cells are all empty is not shown.
    """

    heading: str
    cells: Sequence[str | Text]
    is_number: bool = False
    may_go: bool = False

    @property
    def has_content(self) -> bool:
        """Whether any row has something in it."""
        return any(map(str, self.cells))

    @property
    def justify(self) -> Literal["left", "right"]:
        """On which side its cells begin."""
        return "right" if self.is_number else "left"

    def width(self) -> int:
        """What its widest cell and its heading need."""
        return max(cell_len(str(one)) for one in (self.heading, *self.cells))


def print_rows(
    names: Column, *layouts: Sequence[Column], screen: Console | None = None
) -> tuple[str, ...]:
    """Prints the first layout that fits beside `names`; gives the headings that were left out.

    A layout gives up its columns that may go, the last one first, before the next one is tried.
    Where none fits, each name has a line of its own, whole however long it is, and the first
    layout that fits without it stands below it, or else the last.
    """
    screen = screen or console()
    unbounded = screen.options.update(width=sys.maxsize)
    shown = [[one for one in layout if one.has_content] for layout in layouts]
    for columns in shown:
        for kept in _ever_fewer(columns):
            table = _table(names, kept)
            if Measurement.get(screen, unbounded, table).maximum <= screen.width:
                screen.print(table)
                return _gone(columns, kept)
    below = [one for one in shown if _width(_ever_fewer(one)[-1]) <= screen.width]
    return _print_below(names, below[0] if below else shown[-1], screen)


def tell_left_out(headings: Sequence[str]) -> None:
    """Says on standard error which columns there was no room for."""
    if headings:
        remark(f"No room for {', '.join(headings)}: a wider terminal, or --json, has all.")


def _ever_fewer(columns: Sequence[Column]) -> list[Sequence[Column]]:
    """All of them, and then without those that may go, one after the other."""
    going = [one for one in columns if one.may_go]
    return [
        [one for one in columns if one not in going[len(going) - count :]]
        for count in range(len(going) + 1)
    ]


def _gone(columns: Sequence[Column], kept: Sequence[Column]) -> tuple[str, ...]:
    return tuple(one.heading for one in columns if one not in kept)


def _table(names: Column, columns: Sequence[Column]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, header_style="bold")
    for column in (names, *columns):
        table.add_column(column.heading, justify=column.justify, no_wrap=True)
    for row in zip(names.cells, *(column.cells for column in columns), strict=True):
        table.add_row(*map(_text, row))
    return table


def _print_below(names: Column, columns: Sequence[Column], screen: Console) -> tuple[str, ...]:
    choices = _ever_fewer(columns)
    kept = next((one for one in choices if _width(one) <= screen.width), choices[-1])
    screen.print()
    screen.print(Text(names.heading, style="bold"))
    widths = _folded(kept, screen.width)
    screen.print(_line(kept, widths, [Text(one.heading, style="bold") for one in kept]))
    screen.print("─" * min(screen.width, _width(kept)))
    for number, name in enumerate(names.cells):
        screen.print(_text(name), soft_wrap=True)
        screen.print(_line(kept, widths, [_text(one.cells[number]) for one in kept]))
    screen.print()
    return _gone(columns, kept)


def _width(columns: Sequence[Column]) -> int:
    return INDENT + sum(one.width() + GAP for one in columns) - GAP


def _folded(columns: Sequence[Column], room: int) -> list[int]:
    """Widths, of which only the largest gives way where all together are too wide."""
    widths = [one.width() for one in columns]
    widest = widths.index(max(widths))
    widths[widest] = max(1, widths[widest] - max(0, _width(columns) - room))
    return widths


def _line(columns: Sequence[Column], widths: Sequence[int], cells: Sequence[Text]) -> Table:
    line = Table.grid(padding=(0, GAP, 0, 0), pad_edge=False)
    line.add_column(width=INDENT - GAP)
    for column, width in zip(columns, widths, strict=True):
        line.add_column(justify=column.justify, width=width, overflow="fold")
    line.add_row("", *cells)
    return line


def _text(cell: str | Text) -> Text:
    return cell if isinstance(cell, Text) else Text(cell)
