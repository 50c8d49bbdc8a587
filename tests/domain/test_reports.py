"""The backfill report: what is missing first, every course once, sums over all of it."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_backfill.adapters.memory_state import MemoryStateStore
from course_backfill.clock import system_clock
from course_backfill.courses import Course, CourseReplica, CourseStatus
from course_backfill.ports import Key, Write
from course_backfill.reports import BackfillReport, Held, ReportFilter, ReportRow, position_of
from course_backfill.stores.courses import CourseStore

HERE = ReportFilter(locations=("primary",), needed=("primary",))


def create_course(
    name: str,
    status: CourseStatus = CourseStatus.NOT_MIGRATED,
    *,
    locations: tuple[str, ...] = (),
    org: str = "Org",
    size: int = 0,
    left_out: int = 0,
    stale: bool | None = None,
) -> Course:
    return Course(
        id=f"course-v1:{org}+{name}+R",
        org=org,
        status=status,
        discovered_date="2026-03-02T08:00:00.000Z",
        latest_version="v1" if locations else None,
        latest_objects=1 if locations else None,
        latest_bytes=size if locations else None,
        latest_exceptions=left_out if locations else None,
        latest_locations=locations,
        versions=1 if locations else 0,
        replicas={one: CourseReplica(versions=1) for one in locations},
        stale=stale,
    )


def report_of(*courses: Course) -> BackfillReport:
    state = MemoryStateStore()
    for course in courses:
        item = course.to_item() | {"statusKey": course.status.value}
        state.write(Write(Key("courses", course.id, "COURSE"), item=item))
    return BackfillReport(CourseStore(state, system_clock))


def names(rows: list[ReportRow]) -> list[str]:
    return [row.course.id.split("+")[1] for row in rows]


MIGRATED = CourseStatus.MIGRATED
EXAMPLES = (
    create_course("done", MIGRATED, locations=("primary", "cold"), size=10),
    create_course("half", MIGRATED, locations=("primary",), size=5, left_out=3, stale=True),
    create_course("new"),
    create_course("busy", CourseStatus.IN_PROGRESS),
    create_course("broken", CourseStatus.FAILED, org="Other"),
)


def test_courses_not_yet_there_come_first_and_failed_ones_before_all() -> None:
    assert names(list(report_of(*EXAMPLES).rows(HERE))) == [
        "broken", "new", "busy", "done", "half",
    ]  # fmt: skip


def test_a_location_that_is_not_needed_is_told_of_and_holds_no_course_back() -> None:
    wanted = ReportFilter(locations=("primary", "cold"), needed=("primary",))
    report = report_of(*EXAMPLES)
    assert all(row.is_backfilled for row in report.rows(wanted) if row.course.versions)
    assert report.totals(wanted).by_location == {"primary": 2, "cold": 1}


def test_a_location_that_lacks_an_older_version_makes_it_not_backfilled() -> None:
    replicas = {"primary": CourseReplica(versions=3), "cold": CourseReplica(versions=2)}
    course = create_course("grown", MIGRATED, locations=("primary", "cold"))
    grown = course.model_copy(update={"versions": 3, "replicas": replicas})
    (row,) = report_of(grown).rows(ReportFilter(("primary", "cold"), ("primary", "cold")))
    assert row.missing == ("cold",)


def test_a_location_that_a_course_is_not_in_makes_it_not_backfilled() -> None:
    both = ReportFilter(locations=("primary", "cold"), needed=("primary", "cold"))
    rows = list(report_of(*EXAMPLES).rows(both))
    assert names(rows)[-2:] == ["half", "done"]
    assert rows[-2].missing == ("cold",)
    assert rows[-1].is_backfilled


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (ReportFilter(("primary",), ("primary",), status=MIGRATED), ["done", "half"]),
        (ReportFilter(("primary",), ("primary",), org="Other"), ["broken"]),
        (ReportFilter(("primary",), ("primary",), status=MIGRATED, org="Other"), []),
    ],
)
def test_status_and_org_choose_courses(wanted: ReportFilter, expected: list[str]) -> None:
    assert names(list(report_of(*EXAMPLES).rows(wanted))) == expected


def test_totals_are_over_every_chosen_course() -> None:
    both = ReportFilter(locations=("primary", "cold"), needed=("primary", "cold"))
    totals = report_of(*EXAMPLES).totals(both)
    assert (totals.courses, totals.not_backfilled, totals.stale) == (5, 4, 1)
    assert (totals.objects, totals.bytes, totals.exceptions) == (2, 15, 3)
    assert totals.by_status == {"failed": 1, "not-migrated": 1, "in-progress": 1, "migrated": 2}
    assert totals.by_location == {"primary": 2, "cold": 1}


def test_totals_tell_what_each_location_holds_of_all_versions() -> None:
    both = ReportFilter(locations=("primary", "cold"), needed=("primary", "cold"))
    whole = CourseReplica(versions=2, objects=7, bytes=70)
    part = CourseReplica(versions=1, objects=4, bytes=40)
    found = [
        create_course(name, MIGRATED, locations=tuple(there)).model_copy(update={"replicas": there})
        for name, there in [("a", {"primary": whole, "cold": part}), ("b", {"primary": part})]
    ]
    totals = report_of(*found, create_course("new")).totals(both)
    assert totals.held == {
        "primary": Held(objects=11, bytes=110),
        "cold": Held(objects=4, bytes=40),
    }


courses = st.lists(
    st.builds(
        create_course,
        st.text("abc", min_size=1, max_size=4),
        st.sampled_from(CourseStatus),
        locations=st.sampled_from([(), ("primary",), ("primary", "cold")]),
    ),
    unique_by=lambda course: course.id,
    max_size=12,
)


@given(courses=courses, size=st.integers(1, 5))
def test_pages_together_are_the_report(courses: list[Course], size: int) -> None:
    report = report_of(*courses)
    wanted = ReportFilter(locations=("primary", "cold"), needed=("primary", "cold"))
    paged: list[ReportRow] = []
    while page := list(
        islice(report.rows(wanted, after=position_of(paged[-1]) if paged else None), size)
    ):
        paged += page
    assert paged == list(report.rows(wanted))
    assert sorted(row.course.id for row in paged) == sorted(course.id for course in courses)


def test_damage_is_counted_in_the_location_asked_for_alone() -> None:
    replicas = {"primary": CourseReplica(damaged=2), "cold": CourseReplica(damaged=7)}
    course = create_course("A").model_copy(update={"replicas": replicas})
    cold = ReportFilter(("cold",), ("cold",), location="cold")
    both = ReportFilter(("primary", "cold"), ("primary", "cold"))
    for wanted, damaged in ((cold, 7), (both, 9)):
        (row,) = report_of(course).rows(wanted)
        totals = report_of(course).totals(wanted)
        assert (row.damaged, totals.damaged) == (damaged, damaged)


@given(courses=courses, limit=st.integers(1, 5))
def test_the_beginning_is_that_of_the_rows_with_the_totals_of_all(
    courses: list[Course], limit: int
) -> None:
    report = report_of(*courses)
    wanted = ReportFilter(locations=("primary", "cold"), needed=("primary", "cold"))
    first, totals = report.beginning(wanted, limit)
    assert first[: limit + 1] == list(report.rows(wanted))[: limit + 1]
    assert totals == report.totals(wanted)
