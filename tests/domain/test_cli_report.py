"""The report on a terminal: course ids stay whole, and nothing is wider than the terminal."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from course_backfill.cli.reports import print_course_rows

SHORT = "course-v1:Org+C+R"
USUAL = "course-v1:OrganisationX+Gardening101+2026_Autumn"
LONG = f"course-v1:{'Organisation' * 8}+{'Course' * 10}+{'Run' * 20}"
THREE = ("primary", "cold-eu-west-1", "archive")
ROOM_FOR_ALL = 200


def create_row(course: str, *, locations: tuple[str, ...] = ("primary",), **fields: Any) -> Any:
    """A row of the report as the API gives it: a migrated course, in the first location alone."""
    return {
        "course": {"id": course},
        "status": {"id": "migrated"},
        "version": "v12",
        "objects": 12_345,
        "bytes": 123_400_000_000,
        "exceptions": 7,
        "stale": True,
        "sourceCheckedDate": "2026-03-02T08:00:00.000Z",
        "lastIngest": {"status": {"id": "succeeded"}},
        "locations": {one: None if number else "v12" for number, one in enumerate(locations)},
        "missing": list(locations[1:]),
    } | fields


def print_at(width: int, *rows: Any) -> tuple[list[str], tuple[str, ...]]:
    """The lines that a terminal of that width shows, and the headings that were left out."""
    screen = Console(file=io.StringIO(), width=width, markup=False, highlight=False, emoji=False)
    gone = print_course_rows(list(rows), screen=screen)
    assert isinstance(screen.file, io.StringIO)
    return [line.rstrip() for line in screen.file.getvalue().splitlines()], gone


@pytest.mark.parametrize("locations", [("primary",), THREE], ids=["one location", "three"])
@pytest.mark.parametrize("course", [SHORT, USUAL, LONG], ids=["short", "usual", "long"])
@pytest.mark.parametrize("width", [80, 120, 200])
def test_at_any_width_the_id_is_whole_and_nothing_else_is_wrapped_by_the_terminal(
    width: int, course: str, locations: tuple[str, ...]
) -> None:
    lines, _ = print_at(width, create_row(SHORT), create_row(course, locations=locations))

    assert [line for line in lines if course in line.split()]
    assert not [line for line in lines if len(line) > width and line != course]


@pytest.mark.parametrize("course", [SHORT, USUAL, LONG], ids=["short", "usual", "long"])
@pytest.mark.parametrize("width", [80, 120, 200])
def test_what_a_version_is_without_and_whether_it_is_stale_is_told_at_any_width(
    width: int, course: str
) -> None:
    lines, gone = print_at(width, create_row(course))
    shown = " ".join(lines)

    assert "Left out" in shown
    assert {"migrated", "v12", "12,345", "7", "stale"} <= set(shown.split())
    assert set(gone) <= {"Checked (UTC)", "Last ingest"}


@pytest.mark.parametrize("width", [80, 120, 200])
def test_the_locations_that_a_course_is_not_in_are_told_at_any_width(width: int) -> None:
    lines, _ = print_at(width, create_row(USUAL, locations=THREE))
    shown = " ".join(" ".join(lines).split())

    has_columns = all(f"In {name}" in shown for name in THREE)
    assert has_columns or ("Not in" in shown and "cold-eu-west-1, archive" in shown)


def test_where_there_is_room_each_location_has_a_column() -> None:
    lines, gone = print_at(ROOM_FOR_ALL, create_row(USUAL, locations=THREE))

    assert all(f"In {name}" in " ".join(lines) for name in THREE)
    assert gone == ()


def test_what_is_left_out_for_want_of_room_is_named() -> None:
    _, at_80 = print_at(80, create_row(SHORT))
    _, at_200 = print_at(200, create_row(SHORT))

    assert "Last ingest" in at_80
    assert at_200 == ()
