"""The courses table after ingests between locations: what is where, and nothing of a version."""

from __future__ import annotations

import pytest

from course_backfill.errors import ConditionFailed
from course_backfill.ingests import Ingest, IngestStatus, SourceCheck
from course_backfill.ports import Write
from course_backfill.stores.course_writes import course_key
from tests.domain.test_course_store import CHECK, KEY, create_place, create_version, register, write
from tests.generators import COURSE, Stores, create_ingest

BRINGING = create_ingest("bringing", provider="amazon-s3", locations=("cold",))


@pytest.fixture
def stores() -> Stores:
    """A course with three versions in the primary."""
    stores = Stores().with_courses(COURSE)
    previous = None
    for number in (1, 2, 3):
        ingest = create_ingest(f"i-{number}", previous_version=previous, source_check=CHECK)
        register(stores, ingest, number)
        previous = f"v{number}"
    return stores


def place(stores: Stores, number: int, ingest: Ingest = BRINGING) -> None:
    write(stores, stores.courses.placed(ingest, create_place(create_version(number), "cold")))


def replicas(stores: Stores) -> dict[str, int]:
    return {one: found.versions for one, found in stores.courses.get(KEY).replicas.items()}


def test_a_placed_version_is_in_one_more_location_and_is_the_same_version(stores: Stores) -> None:
    before = stores.courses.versions(KEY)
    write(stores, stores.courses.take_lease(BRINGING))
    place(stores, 2)
    assert stores.courses.versions(KEY) == before
    where = [(one.version, one.location) for one in stores.courses.all_replicas(KEY)]
    assert where == [("v1", "primary"), ("v2", "cold"), ("v2", "primary"), ("v3", "primary")]
    assert [one.location for one in stores.courses.replicas(KEY, "v2")] == ["cold", "primary"]
    assert replicas(stores) == {"primary": 3}


def test_a_version_is_placed_once_and_with_the_lease_alone(stores: Stores) -> None:
    with pytest.raises(ConditionFailed):
        place(stores, 1)
    write(stores, stores.courses.take_lease(BRINGING))
    place(stores, 1)
    with pytest.raises(ConditionFailed):
        place(stores, 1)
    with pytest.raises(ConditionFailed):
        place(stores, 2, create_ingest("another"))


def test_the_end_counts_what_is_where_and_frees_the_course(stores: Stores) -> None:
    write(stores, stores.courses.take_lease(BRINGING))
    for number in (1, 2, 3):
        place(stores, number)
    write(stores, stores.courses.located(BRINGING))
    course = stores.courses.get(KEY)
    assert replicas(stores) == {"primary": 3, "cold": 3}
    assert set(course.latest_locations) == {"primary", "cold"}
    assert (course.active_ingest, course.latest_version, course.versions) == (None, "v3", 3)
    assert (course.source_checked_date, course.stale) == (CHECK.checked_date, CHECK.stale)
    assert course.is_complete_in("cold")


def test_a_location_holds_what_was_stored_for_the_versions_that_are_there(stores: Stores) -> None:
    write(stores, stores.courses.take_lease(BRINGING))
    for number in (1, 2):
        place(stores, number)
    write(stores, stores.courses.located(BRINGING))
    there = stores.courses.get(KEY).replicas
    assert (there["primary"].objects, there["primary"].bytes) == (6, 60)
    assert (there["cold"].objects, there["cold"].bytes) == (4, 40)


def test_where_only_some_versions_are_the_location_is_not_complete(stores: Stores) -> None:
    write(stores, stores.courses.take_lease(BRINGING))
    for number in (1, 2):
        place(stores, number)
    write(stores, stores.courses.located(BRINGING))
    course = stores.courses.get(KEY)
    assert replicas(stores) == {"primary": 3, "cold": 2}
    assert not course.is_complete_in("cold")
    assert course.latest_locations == ("primary",)


def test_a_failure_counts_what_was_placed_before_it(stores: Stores) -> None:
    write(stores, stores.courses.take_lease(BRINGING))
    place(stores, 1)
    failed = BRINGING.model_copy(update={"status": IngestStatus.FAILED})
    write(stores, stores.courses.release_lease(failed))
    assert replicas(stores) == {"primary": 3, "cold": 1}
    assert stores.courses.get(KEY).active_ingest is None


def test_a_failure_tells_where_the_latest_version_is_by_then(stores: Stores) -> None:
    write(stores, stores.courses.take_lease(BRINGING))
    place(stores, 3)
    cancelled = BRINGING.model_copy(update={"status": IngestStatus.CANCELLED})
    write(stores, stores.courses.release_lease(cancelled))
    assert set(stores.courses.get(KEY).latest_locations) == {"primary", "cold"}


def test_what_audits_found_stays_when_versions_are_counted(stores: Stores) -> None:
    row = stores.courses.get(KEY)
    found = {
        "primary": row.replicas["primary"].model_copy(update={"damaged": 7, "audit": "audit-1"})
    }
    item = row.model_copy(update={"replicas": found}).to_item()
    stores.state.write(Write(course_key(KEY), item=item | {"statusKey": row.status.value}))
    write(stores, stores.courses.take_lease(BRINGING))
    place(stores, 1)
    write(stores, stores.courses.located(BRINGING))
    course = stores.courses.get(KEY)
    assert course.replicas["primary"] == found["primary"]
    assert course.replicas["cold"].versions == 1


def test_the_source_counts_as_checked_only_where_it_was_looked_at(stores: Stores) -> None:
    fresh = SourceCheck(checked_date="2026-03-03T09:00:00.000Z", stale=False)
    for check, expected in ((None, CHECK.checked_date), (fresh, fresh.checked_date)):
        ingest = BRINGING.model_copy(update={"source_check": check})
        write(stores, stores.courses.take_lease(ingest))
        write(stores, stores.courses.located(ingest))
        assert stores.courses.get(KEY).source_checked_date == expected


def test_the_end_needs_the_lease(stores: Stores) -> None:
    with pytest.raises(ConditionFailed):
        write(stores, stores.courses.located(BRINGING))
