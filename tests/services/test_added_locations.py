"""A location that was added later gets every registered version, and MongoDB is not read for it."""

from __future__ import annotations

import pytest

from course_backfill.errors import Conflict
from course_backfill.ingests import IngestStatus, Leg
from course_backfill.ports import Key, Write
from tests.services.location_world import (
    COLD_THIRD,
    FAR,
    FAR_THIRD,
    FROM_S3,
    PRIMARY,
    SECOND,
    THIRD,
    LocationWorld,
    code,
    with_three_versions,
)
from tests.services.memory_pipeline import COURSE

THIRDS = pytest.mark.parametrize("third", [THIRD, FAR_THIRD, COLD_THIRD], ids=str)


@THIRDS
def test_every_version_is_brought_each_object_once_and_mongodb_is_not_read(
    third: dict[str, object],
) -> None:
    world = with_three_versions()
    before = world.objects("primary")
    manifests = [world.pipeline.manifest(version) for version in world.versions()]
    row = world.pipeline.wiring.courses.get(str(COURSE))
    world.configure(PRIMARY, SECOND, third)
    assert not row.is_complete_in("third")
    world.without_source()

    ingest = world.backfill(**FROM_S3)

    assert (ingest.status, ingest.failure) == (IngestStatus.SUCCEEDED, None)
    assert ingest.version is None
    assert world.objects("third") == before
    assert world.made("third") == {f"deep/er/{key}": 1 for key in before}
    assert world.made("primary") == world.made("second") == {}
    assert world.objects("primary") == before
    assert [world.pipeline.manifest(version) for version in world.versions()] == manifests
    everywhere = {"primary", "second", "third"}
    assert world.replicas() == {(f"v{n}", one) for n in (1, 2, 3) for one in everywhere}
    course = world.pipeline.wiring.courses.get(str(COURSE))
    assert (course.latest_version, course.last_version_number) == ("v3", 3)
    assert (course.status, course.active_ingest) == (row.status, None)
    assert course.is_complete_in("third")
    assert set(course.latest_locations) == everywhere
    assert course.source_checked_date == row.source_checked_date


def test_each_version_is_recorded_in_a_small_transaction_of_its_own() -> None:
    world = with_three_versions()
    world.configure(PRIMARY, SECOND, THIRD)
    world.backfill(**FROM_S3)
    recorded = [
        [write.key.sk for write in writes if "REPLICA#third" in write.key.sk]
        for writes in world.transactions
        if any(write.key.sk.startswith("VERSION#") for write in writes)
    ]
    assert recorded == [[f"VERSION#00000000{number}#REPLICA#third"] for number in (1, 2, 3)]
    assert all(len(writes) <= 60 for writes in world.transactions)


def test_an_unchanged_source_brings_what_a_required_location_lacks() -> None:
    world = with_three_versions()
    world.configure(PRIMARY, SECOND, THIRD)
    row = world.pipeline.wiring.courses.get(str(COURSE))

    ingest = world.backfill()

    assert (ingest.status, ingest.version) == (IngestStatus.SUCCEEDED, None)
    assert world.objects("third") == world.objects("primary")
    assert {version for version, one in world.replicas() if one == "third"} == {"v1", "v2", "v3"}
    course = world.pipeline.wiring.courses.get(str(COURSE))
    assert course.last_version_number == 3
    assert course.source_checked_date != row.source_checked_date
    assert course.stale is False
    assert world.made("primary") == world.made("second") == {}


def test_a_changed_source_makes_a_version_in_every_location_and_leaves_the_earlier_ones() -> None:
    world = with_three_versions()
    world.configure(PRIMARY, SECOND, THIRD)
    world.save("new.txt", b"new")
    assert world.backfill().version == "v4"
    assert {version for version, one in world.replicas() if one == "third"} == {"v4"}
    assert not world.pipeline.wiring.courses.get(str(COURSE)).is_complete_in("third")
    world.without_source()
    assert world.backfill(**FROM_S3).status is IngestStatus.SUCCEEDED
    assert world.objects("third") == world.objects("primary")
    assert world.pipeline.wiring.courses.get(str(COURSE)).is_complete_in("third")


def test_versions_can_be_brought_from_any_location_that_has_them() -> None:
    world = with_three_versions()
    world.configure(PRIMARY, SECOND, FAR, THIRD)
    world.without_source()
    world.forget()
    request = {"provider": "amazon-s3", "locations": ("third", "far"), "source": "second"}
    assert world.backfill(**request).status is IngestStatus.SUCCEEDED
    assert world.objects("third") == world.objects("far") == world.objects("primary")
    assert not [verb for where, verb, _ in world.requests if where == "primary"]


def test_the_primary_itself_can_be_filled_from_another_location() -> None:
    world = with_three_versions()
    kept = world.objects("primary")
    # The old primary's bucket is gone for good: another one takes its place.
    world.buckets["primary"].versions.clear()
    state = world.pipeline.wiring.state
    for pk, sk in state.backup()["courses"]:
        if sk.endswith("REPLICA#primary"):
            state.write(Write(Key("courses", pk, sk), delete=True))
    world.without_source()
    request = {"provider": "amazon-s3", "locations": ("primary",), "source": "second"}
    assert world.backfill(**request).status is IngestStatus.SUCCEEDED
    assert world.objects("primary") == kept


def test_what_is_everywhere_already_is_nothing_to_do() -> None:
    world = with_three_versions()
    world.without_source()
    ingest = world.backfill(provider="amazon-s3", locations=("second",))
    assert (ingest.status, ingest.leg) == (IngestStatus.SUCCEEDED, Leg.SOURCE)
    assert world.made("second") == {}
    assert world.pipeline.wiring.courses.get(str(COURSE)).active_ingest is None


def test_a_course_without_a_version_has_nothing_to_bring() -> None:
    world = LocationWorld(PRIMARY, THIRD)
    world.save("a.txt", b"alpha")
    world.without_source()
    with pytest.raises(Conflict, match="no registered version"):
        world.backfill(**FROM_S3)


def test_a_location_that_lacks_a_version_is_no_source() -> None:
    world = with_three_versions()
    world.configure(PRIMARY, SECOND, FAR, THIRD)
    ingest = world.backfill(provider="amazon-s3", locations=("third",), source="far")
    assert code(ingest) == "source-incomplete"
    assert ingest.failure is not None
    assert "v1, v2, v3" in ingest.failure.detail
