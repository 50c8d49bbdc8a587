"""The report on a terminal: course ids stay whole, and nothing is wider than the terminal."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from course_backfill.cli.reports import print_course_rows, print_report

SHORT = "course-v1:Org+C+R"
USUAL = "course-v1:OrganisationX+Gardening101+2026_Autumn"
LONG = f"course-v1:{'Organisation' * 8}+{'Course' * 10}+{'Run' * 20}"
THREE = ("primary", "cold-eu-west-1", "archive")
LONG_NAMES = ("primary", "cold-eu-west-1", "very-cold-eu-west-1", "archive")
FOUR = ("primary", "second", "archive", "far")
ROOM_FOR_ALL = 200


def create_row(course: str, *, locations: tuple[str, ...] = ("primary",), **fields: Any) -> Any:
    """A row of the report as the API gives it: a migrated course, in the first location alone."""
    return {
        "course": {"id": course},
        "status": {"id": "migrated"},
        "version": "v12",
        "objects": 12_345,
        "bytes": 123_400_000_000,
        "versions": 3,
        "exceptions": 7,
        "damaged": 0,
        "stale": True,
        "sourceCheckedDate": "2026-03-02T08:00:00.000Z",
        "lastIngest": {"status": {"id": "succeeded"}, "task": "fill"},
        "locations": {one: None if number else "v12" for number, one in enumerate(locations)},
        "missing": list(locations[1:]),
        "replicas": [create_replica(locations[0])],
    } | fields


def create_replica(location: str, **fields: Any) -> dict[str, Any]:
    """What the API tells of one location of a course: all versions are there, and sound."""
    return {
        "location": location,
        "versions": 3,
        "auditedDate": None,
        "audit": None,
        "damaged": 0,
        "beyondRepair": 0,
    } | fields


def create_totals(**fields: Any) -> dict[str, Any]:
    """The sums of a report of one course, as the API gives them."""
    totals: dict[str, Any] = {"courses": 1, "notBackfilled": 0, "objects": 1, "bytes": 1}
    totals |= {"stale": 0, "exceptions": 0, "damaged": 0, "byLocation": {}, "held": {}}
    return totals | fields


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
    assert set(gone) <= {"Audited", "Checked (UTC)", "Last ingest"}


@pytest.mark.parametrize("width", [80, 120, 200])
def test_the_locations_that_a_course_is_not_in_are_told_at_any_width(width: int) -> None:
    lines, _ = print_at(width, create_row(USUAL, locations=LONG_NAMES))
    shown = " ".join(" ".join(lines).split())
    (headings,) = [line for line in lines if "Status" in line]

    has_columns = set(LONG_NAMES) <= set(headings.split())
    assert has_columns or ("Not in" in shown and ", ".join(LONG_NAMES[1:]) in shown)


def test_where_there_is_room_each_location_has_a_column() -> None:
    lines, gone = print_at(ROOM_FOR_ALL, create_row(USUAL, locations=THREE))

    assert all(f"In {name}" in " ".join(lines) for name in THREE)
    assert gone == ()


def test_what_is_left_out_for_want_of_room_is_named() -> None:
    _, at_80 = print_at(80, create_row(SHORT))
    _, at_200 = print_at(200, create_row(SHORT))

    assert "Last ingest" in at_80
    assert at_200 == ()


def test_four_locations_have_a_column_each_at_80_columns_and_say_how_much_is_there() -> None:
    some = create_replica("archive", versions=2)
    row = create_row(USUAL, locations=FOUR, replicas=[create_replica("primary"), some])

    lines, _ = print_at(80, row)

    (headings,) = [line for line in lines if "archive" in line]
    (cells,) = [line for line in lines if "migrated" in line]
    assert [headings.split().index(one) for one in FOUR] == [1, 2, 3, 4]
    assert "v12" in cells
    assert "2 of 3" in cells
    assert max(map(len, lines)) <= 80


def test_what_a_location_lacks_is_told_where_it_has_no_column() -> None:
    some = create_replica("archive", versions=2)
    row = create_row(SHORT, locations=LONG_NAMES, replicas=[create_replica("primary"), some])

    lines, _ = print_at(80, row)

    assert "archive (2 of 3 there)" in " ".join(" ".join(lines).split())


def test_damage_and_the_oldest_audit_are_told_where_there_is_any() -> None:
    audited = create_replica("primary", auditedDate="2026-03-01T08:00:00.000Z", damaged=4)
    later = create_replica("second", auditedDate="2026-03-02T08:00:00.000Z")
    sound = create_row(SHORT)
    damaged = create_row(USUAL, damaged=4, replicas=[audited, later])

    quiet = " ".join(print_at(ROOM_FOR_ALL, sound)[0])
    told = print_at(ROOM_FOR_ALL, sound, damaged)[0]

    assert "Damaged" not in quiet
    assert "Audited" not in quiet
    (of_damaged,) = [line for line in told if USUAL in line]
    assert {"4", "2026-03-01"} <= set(of_damaged.split())
    (of_sound,) = [line for line in told if SHORT in line]
    assert "never" in of_sound.split()


@pytest.mark.parametrize(("beyond", "advice"), [(1, "course-backfill start"), (2, "audit again")])
def test_damage_says_whether_a_start_mends_it_or_another_audit_is_needed(
    capsys: pytest.CaptureFixture[str], beyond: int, advice: str
) -> None:
    replica = create_replica("primary", audit="audit-1", damaged=2, beyondRepair=beyond)
    print_report([create_row(SHORT, damaged=2, replicas=[replica])], create_totals(damaged=2))
    told = capsys.readouterr().out
    assert "course-backfill failures audit-1" in told
    assert advice in told
    assert ("course-backfill audit" in told) == (advice == "audit again")


@pytest.mark.parametrize(
    ("status", "task", "said"),
    [
        ("migrated", "audit", "its last audit failed"),
        ("migrated", "repair", "its last repair failed"),
        ("migrated", "warm", "its last warming failed"),
        ("migrated", "fill", "its last backfill failed"),
        ("migrated", "bring", "its last copy to other locations failed"),
        ("migrated", None, "its last ingest failed"),
        ("failed", "fill", "failed"),
    ],
)
def test_a_course_that_is_migrated_is_not_called_failed_because_of_what_was_done_last(
    capsys: pytest.CaptureFixture[str], status: str, task: str | None, said: str
) -> None:
    last = {"status": {"id": "failed"}, "task": task}
    print_report([create_row(SHORT, status={"id": status}, lastIngest=last)], create_totals())
    told = capsys.readouterr().out.splitlines()
    assert f"{SHORT}: {said}; why: course-backfill failures {SHORT}" in told


def test_totals_say_of_which_versions_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    held = {one: {"objects": 209, "bytes": 7} for one in ("primary", "second")}
    totals = create_totals(objects=199, byLocation={"primary": 1, "second": 1}, held=held)
    print_report([create_row(SHORT)], totals)
    told = capsys.readouterr().out
    assert "; latest versions: 199 objects, " in told
    assert "with the objects of all versions: 1 in primary (209 objects, 7 bytes)" in told
