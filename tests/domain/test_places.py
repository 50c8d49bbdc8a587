"""Places: what is configured is reached, what is not any more is named, and S3 copies if it can."""

from __future__ import annotations

from typing import Any

import pytest

from course_backfill.adapters.memory_bucket import MemoryBucket
from course_backfill.adapters.memory_locations import MemoryObjectCopier
from course_backfill.adapters.memory_objects import MemoryObjectReader, MemoryObjectWriter
from course_backfill.copies.places import Places
from course_backfill.errors import Fenced, LocationUnknown
from course_backfill.locations import Location, is_copied_inside
from course_backfill.ports import ObjectStat
from tests.generators import COURSE, OLD_COURSE

PRIMARY = Location(bucket="primary-bucket")
COLD = Location(id="cold", bucket="cold-bucket", prefix="a/b/", storage_class="GLACIER")
FAR = Location(id="far", bucket="far-bucket", endpoint_url="https://s3.example.org")


class Installation:
    """Three locations in memory; says with which storage classes their ports were made."""

    def __init__(self) -> None:
        self.buckets = {one.id: MemoryBucket(one.bucket) for one in (PRIMARY, COLD, FAR)}
        self.made: list[tuple[str, str | None]] = []
        self.places = Places(
            {one.id: one for one in (PRIMARY, COLD, FAR)},
            reader=lambda location: MemoryObjectReader(self.buckets[location.id]),
            writer=self._writer,
            copier=self._copier,
        )

    def _writer(self, location: Location, storage_class: str | None) -> MemoryObjectWriter:
        self.made.append((f"writer of {location.id}", storage_class))
        return MemoryObjectWriter(self.buckets[location.id])

    def _copier(
        self, source: Location, target: Location, storage_class: str | None
    ) -> MemoryObjectCopier | None:
        if not is_copied_inside(source, target):
            return None
        self.made.append((f"copier to {target.id}", storage_class))
        return MemoryObjectCopier(self.buckets[source.id], self.buckets[target.id])


@pytest.fixture
def installation() -> Installation:
    return Installation()


def test_a_location_that_is_not_configured_any_more_is_named_with_those_that_are(
    installation: Installation,
) -> None:
    assert installation.places.location("cold") is COLD
    for look in (installation.places.location, installation.places.get):
        with pytest.raises(LocationUnknown, match=r"'gone'.*primary, cold, far"):
            look("gone")


def test_only_what_is_copied_from_a_location_has_a_place_to_be_copied_from(
    installation: Installation,
) -> None:
    assert installation.places.source("cold").location is COLD
    with pytest.raises(LocationUnknown):
        installation.places.source("gone")
    with pytest.raises(Fenced):
        installation.places.source(None)


def test_a_course_is_listed_by_keys_that_are_the_same_in_every_location(
    installation: Installation,
) -> None:
    names = ["v1/assets/b", "v1/assets/é", "v10/x", "v2/manifest.json"]
    for location in (PRIMARY, COLD):
        bucket = installation.buckets[location.id]
        for name in reversed(names):
            bucket.store(location.course_prefix(COURSE) + name, b"x")
        bucket.store(location.course_prefix(OLD_COURSE) + "v1/assets/other", b"x")
        bucket.store(f"{location.prefix}courses/{COURSE}x/v1/longer", b"x")
        listed = [one.key for one in installation.places.get(location.id).list(COURSE)]
        assert listed == [f"courses/{COURSE}/{name}" for name in names]


def test_content_and_manifest_files_have_storage_classes_of_their_own(
    installation: Installation,
) -> None:
    writing = installation.places.writing(PRIMARY, COLD)
    assert writing.copiers is not None
    assert sorted(installation.made, key=str) == [
        ("copier to cold", "STANDARD"),
        ("copier to cold", None),
        ("writer of cold", "STANDARD"),
        ("writer of cold", None),
    ]


def test_between_endpoints_bytes_are_streamed(installation: Installation) -> None:
    assert installation.places.writing(PRIMARY, FAR).copiers is None
    assert installation.places.writing(FAR, PRIMARY).copiers is None


@pytest.mark.parametrize(
    ("fields", "is_inside"),
    [
        ({}, True),
        ({"region": "eu-central-1"}, True),
        ({"endpoint_url": "https://s3.example.org"}, False),
        ({"role_arn": "arn:aws:iam::123456789012:role/other"}, False),
    ],
)
def test_s3_copies_where_one_endpoint_and_one_set_of_credentials_reach_both(
    fields: dict[str, Any], *, is_inside: bool
) -> None:
    other = Location(id="other", bucket="other-bucket", **fields)
    assert is_copied_inside(PRIMARY, other) == is_copied_inside(other, PRIMARY) == is_inside


@pytest.mark.parametrize(
    ("stat", "archive"),
    [
        (ObjectStat(key="k", size=1), None),
        (ObjectStat(key="k", size=1, storage_class="GLACIER", archive="GLACIER"), "GLACIER"),
        (ObjectStat(key="k", size=1, storage_class="GLACIER_IR"), None),
    ],
)
def test_a_listing_tells_what_must_be_restored(
    installation: Installation, stat: ObjectStat, archive: str | None
) -> None:
    assert installation.places.get("primary").archive_of(stat) == archive


def test_intelligent_tiering_is_asked_for_each_object(installation: Installation) -> None:
    place = installation.places.get("cold")
    bucket = installation.buckets["cold"]
    for name in ("warm", "cold"):
        bucket.store(f"a/b/{name}", b"x", storage_class="INTELLIGENT_TIERING")
    bucket.archive("a/b/cold", "DEEP_ARCHIVE_ACCESS")
    found = {
        name: place.archive_of(ObjectStat(key=name, size=1, storage_class="INTELLIGENT_TIERING"))
        for name in ("warm", "cold", "gone")
    }
    assert found["warm"] is None
    assert found["gone"] is None
    stat = place.reader.stat("a/b/cold")
    assert stat is not None
    assert stat.archive is not None
    assert found["cold"] == stat.archive
