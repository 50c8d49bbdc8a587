"""The courses table: one lease a course, a status that never regresses, versions that stay."""

from __future__ import annotations

from typing import Any

import pytest

from course_backfill.courses import CourseStatus, Version, VersionReplica
from course_backfill.errors import ConditionFailed, Conflict, NotFound
from course_backfill.ingests import Ingest, SourceCheck
from course_backfill.ports import Write
from tests.generators import COURSE, OLD_COURSE, Stores, create_ingest

KEY = str(COURSE)
CHECK = SourceCheck(checked_date="2026-03-02T09:00:00.000Z", stale=True)


@pytest.fixture
def stores() -> Stores:
    return Stores().with_courses(COURSE)


def create_version(number: int, **fields: Any) -> Version:
    defaults: dict[str, Any] = {
        "course": KEY,
        "id": f"v{number}",
        "ingest": "ingest-1",
        "created_date": "2026-03-02T08:00:00.000Z",
        "objects": 3,
        "bytes": 30,
        "stored_objects": 2,
        "stored_bytes": 20,
        "exceptions": 0,
        "manifest_key": "m",
        "manifest_sha256": "0" * 64,
        "entries_sha256": "0" * 64,
        "fingerprints": {},
    }
    return Version(**(defaults | fields))


def create_place(version: Version, location: str = "primary") -> VersionReplica:
    return VersionReplica(
        course=version.course,
        version=version.id,
        location=location,
        bucket="b",
        prefix="",
        registered_date=version.created_date,
    )


def write(stores: Stores, writes: list[Write]) -> None:
    stores.state.write(*writes)


def register(stores: Stores, ingest: Ingest, number: int, **places: str) -> None:
    version = create_version(number)
    locations = places or {"primary": ""}
    write(stores, stores.courses.take_lease(ingest))
    replicas = [create_place(version, location) for location in locations]
    write(stores, stores.courses.registered(ingest, version, replicas))


def test_discovery_adds_a_course_once_and_never_overwrites_it(stores: Stores) -> None:
    write(stores, stores.courses.take_lease(create_ingest()))
    before = stores.courses.get(KEY)
    stores.clock.advance(days=1)
    assert stores.courses.add(COURSE) is False
    assert stores.courses.get(KEY) == before
    assert stores.courses.add(OLD_COURSE) is True
    assert stores.courses.get(str(OLD_COURSE)).status is CourseStatus.NOT_MIGRATED


def test_an_unknown_course_names_discovery() -> None:
    with pytest.raises(NotFound, match="discover"):
        Stores().courses.get(KEY)


def test_a_lease_makes_the_course_busy_and_names_who_has_it(stores: Stores) -> None:
    write(stores, stores.courses.take_lease(create_ingest("first")))
    course = stores.courses.get(KEY)
    assert (course.status, course.active_ingest) == (CourseStatus.IN_PROGRESS, "first")
    with pytest.raises(Conflict) as busy:
        stores.courses.take_lease(create_ingest("second"))
    assert busy.value.ingest == "first"


def test_of_two_that_see_the_course_free_one_gets_the_lease(stores: Stores) -> None:
    first = stores.courses.take_lease(create_ingest("first"))
    second = stores.courses.take_lease(create_ingest("second"))
    write(stores, first)
    with pytest.raises(ConditionFailed):
        write(stores, second)
    assert stores.courses.get(KEY).active_ingest == "first"


@pytest.mark.parametrize(
    ("ended", "status"),
    [("failed", CourseStatus.FAILED), ("cancelled", CourseStatus.NOT_MIGRATED)],
)
def test_a_released_course_says_how_it_went(
    stores: Stores, ended: str, status: CourseStatus
) -> None:
    write(stores, stores.courses.take_lease(create_ingest()))
    write(stores, stores.courses.release_lease(create_ingest(status=ended)))
    course = stores.courses.get(KEY)
    assert (course.status, course.active_ingest) == (status, None)
    assert course.last_ingest is not None
    assert (course.last_ingest.id, course.last_ingest.status) == ("ingest-1", ended)


@pytest.mark.parametrize("ended", ["failed", "cancelled"])
def test_a_migrated_course_never_regresses(stores: Stores, ended: str) -> None:
    register(stores, create_ingest(), 1)
    later = create_ingest("ingest-2")
    write(stores, stores.courses.take_lease(later))
    assert stores.courses.get(KEY).status is CourseStatus.MIGRATED
    write(stores, stores.courses.release_lease(create_ingest("ingest-2", status=ended)))
    course = stores.courses.get(KEY)
    assert (course.status, course.latest_version) == (CourseStatus.MIGRATED, "v1")
    assert course.last_ingest is not None
    assert course.last_ingest.status == ended


def test_only_the_holder_releases_a_lease(stores: Stores) -> None:
    write(stores, stores.courses.take_lease(create_ingest("holder")))
    assert stores.courses.release_lease(create_ingest("other", status="failed")) == []
    assert stores.courses.get(KEY).active_ingest == "holder"


def test_a_kept_failure_is_remembered_until_it_is_retried_or_forgotten(stores: Stores) -> None:
    kept = create_ingest(status="failed", kept=True)
    write(stores, stores.courses.take_lease(create_ingest()))
    write(stores, stores.courses.release_lease(kept))
    assert stores.courses.get(KEY).kept_ingest == kept.id
    assert stores.courses.forget_kept(create_ingest("other")) == []
    write(stores, stores.courses.take_lease(kept))
    course = stores.courses.get(KEY)
    assert (course.kept_ingest, course.active_ingest) == (None, kept.id)
    write(stores, stores.courses.release_lease(kept))
    write(stores, stores.courses.forget_kept(kept))
    assert stores.courses.get(KEY).kept_ingest is None


def test_a_kept_failure_that_is_cancelled_later_says_so(stores: Stores) -> None:
    write(stores, stores.courses.take_lease(create_ingest()))
    write(stores, stores.courses.release_lease(create_ingest(status="failed", kept=True)))
    assert stores.courses.release_lease(create_ingest(status="failed")) == []
    write(stores, stores.courses.release_lease(create_ingest(status="cancelled")))
    course = stores.courses.get(KEY)
    assert course.last_ingest is not None
    assert (course.last_ingest.id, course.last_ingest.status) == ("ingest-1", "cancelled")
    assert course.status is CourseStatus.NOT_MIGRATED


def test_a_kept_failure_that_is_cancelled_after_another_ingest_says_nothing(stores: Stores) -> None:
    write(stores, stores.courses.take_lease(create_ingest()))
    write(stores, stores.courses.release_lease(create_ingest(status="failed", kept=True)))
    register(stores, create_ingest("another"), 1)
    before = stores.courses.get(KEY)
    assert stores.courses.release_lease(create_ingest(status="cancelled")) == []
    assert stores.courses.get(KEY) == before


def test_a_version_number_is_taken_once_and_others_may_be_left_out(stores: Stores) -> None:
    ingest = create_ingest()
    write(stores, stores.courses.take_lease(ingest))
    number = stores.courses.allot_version(ingest, 1, last=0)
    write(stores, [number])
    with pytest.raises(ConditionFailed):
        write(stores, [number])
    write(stores, [stores.courses.allot_version(ingest, 3, last=1)])
    assert stores.courses.get(KEY).last_version_number == 3


def test_a_version_number_needs_the_lease(stores: Stores) -> None:
    with pytest.raises(ConditionFailed):
        write(stores, [stores.courses.allot_version(create_ingest(), 1, last=0)])


def test_a_registered_version_appears_with_its_places_and_frees_the_course(stores: Stores) -> None:
    register(stores, create_ingest(source_check=CHECK), 1, primary="", cold="")
    course = stores.courses.get(KEY)
    assert (course.status, course.latest_version) == (CourseStatus.MIGRATED, "v1")
    assert course.active_ingest is None
    assert (course.source_checked_date, course.stale) == (CHECK.checked_date, True)
    assert course.latest_locations == ("primary", "cold")
    assert stores.courses.version(KEY, "v1") == create_version(1)
    places = {one.location for one in stores.courses.replicas(KEY, "v1")}
    assert places == {"primary", "cold"}


def test_registering_needs_the_lease_and_the_version_it_was_planned_after(stores: Stores) -> None:
    register(stores, create_ingest(), 1)
    late = create_ingest("late")
    with pytest.raises(ConditionFailed):
        write(stores, stores.courses.registered(late, create_version(2), []))
    write(stores, stores.courses.take_lease(late))
    with pytest.raises(ConditionFailed):
        write(stores, stores.courses.registered(late, create_version(2), []))
    planned = create_ingest("late", previous_version="v1")
    write(stores, stores.courses.registered(planned, create_version(2), []))
    assert stores.courses.get(KEY).latest_version == "v2"


def test_a_registered_version_is_never_replaced(stores: Stores) -> None:
    register(stores, create_ingest(), 1)
    again = create_ingest("again", previous_version="v1")
    write(stores, stores.courses.take_lease(again))
    with pytest.raises(ConditionFailed):
        write(stores, stores.courses.registered(again, create_version(1, objects=0), []))
    assert stores.courses.version(KEY, "v1").objects == 3


def test_nothing_to_do_renews_the_freshness_alone(stores: Stores) -> None:
    register(stores, create_ingest(source_check=CHECK), 1)
    fresh = SourceCheck(checked_date="2026-03-03T09:00:00.000Z", stale=False)
    again = create_ingest("again", previous_version="v1", source_check=fresh)
    write(stores, stores.courses.take_lease(again))
    write(stores, stores.courses.located(again))
    course = stores.courses.get(KEY)
    assert (course.source_checked_date, course.stale) == (fresh.checked_date, False)
    assert (course.active_ingest, course.latest_version) == (None, "v1")
    assert [version.id for version in stores.courses.versions(KEY)] == ["v1"]


def test_versions_come_newest_first_by_number_not_by_text(stores: Stores) -> None:
    previous = None
    for number in (1, 2, 9, 10, 11):
        register(stores, create_ingest(f"i-{number}", previous_version=previous), number)
        previous = f"v{number}"
    found = [version.id for version in stores.courses.versions(KEY)]
    assert found == ["v11", "v10", "v9", "v2", "v1"]
    assert [one.version for one in stores.courses.replicas(KEY, "v1")] == ["v1"]
    with pytest.raises(NotFound):
        stores.courses.version(KEY, "v3")


def test_courses_are_listed_by_status(stores: Stores) -> None:
    stores.with_courses(OLD_COURSE)
    write(stores, stores.courses.take_lease(create_ingest()))
    by_status = {
        status: [item["id"] for item in stores.courses.by_status(status, limit=10).items]
        for status in CourseStatus
    }
    assert by_status == {
        CourseStatus.NOT_MIGRATED: [str(OLD_COURSE)],
        CourseStatus.IN_PROGRESS: [KEY],
        CourseStatus.MIGRATED: [],
        CourseStatus.FAILED: [],
    }
