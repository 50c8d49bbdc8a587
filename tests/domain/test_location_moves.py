"""Moves of locations: every one that concerns an ingest is told at once, and no other is."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from course_backfill.addresses import Address
from course_backfill.copies.location_moves import require_found_there, require_unmoved, unreached
from course_backfill.courses import VersionReplica
from course_backfill.errors import LocationMoved
from course_backfill.locations import Location
from tests.generators import COURSE, create_ingest

HERE = {name: Address(bucket=f"{name}-bucket") for name in ("primary", "cold", "far", "other")}
THERE = Address(bucket="cold-bucket", prefix="b/", server="s3.example.org:9000")
MOVED = HERE | {"cold": THERE, "far": Address(bucket="elsewhere")}


def registered(version: str, location: str, **fields: Any) -> VersionReplica:
    where = {"bucket": HERE[location].bucket, "prefix": "", "registered_date": version} | fields
    return VersionReplica(course=str(COURSE), version=version, location=location, **where)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"locations": ("primary", "cold", "far")}, ["cold", "far"]),
        ({"locations": ("primary", "cold")}, ["cold"]),
        ({"locations": ("primary",), "source": "far"}, ["far"]),
        ({"locations": ("primary", "other")}, []),
        ({"locations": ("primary",), "repairs": "audit-1"}, ["cold", "far"]),
        ({"locations": (), "ingest_type": "audit-course"}, ["cold", "far"]),
        ({"locations": ("cold",), "ingest_type": "warm-course"}, ["cold"]),
    ],
    ids=str,
)
def test_an_ingest_minds_the_moves_of_what_it_may_use(
    fields: dict[str, Any], told: list[str]
) -> None:
    ingest = create_ingest(addresses=HERE, **fields)
    versions = [registered(version, name) for name in HERE for version in ("v1", "v2")]
    looks: list[Callable[[], None]] = [
        partial(require_unmoved, ingest, MOVED),
        partial(require_found_there, ingest, versions, MOVED),
    ]
    for look in looks:
        if not told:
            look()
            continue
        with pytest.raises(LocationMoved) as refusal:
            look()
        assert sorted(name for name in HERE if f"'{name}'" in str(refusal.value)) == told


def test_both_places_are_named() -> None:
    ingest = create_ingest(locations=("cold",), addresses=HERE)
    with pytest.raises(LocationMoved) as refusal:
        require_unmoved(ingest, MOVED)
    assert "s3://cold-bucket/ " in str(refusal.value)
    assert "s3://cold-bucket/b/ at s3.example.org:9000" in str(refusal.value)


def test_of_many_versions_in_one_place_the_first_is_named() -> None:
    ingest = create_ingest(locations=("cold",))
    versions = [registered(f"v{number}", "cold") for number in range(1, 10)]
    with pytest.raises(LocationMoved, match=r"^v1 was registered") as refusal:
        require_found_there(ingest, versions, MOVED)
    assert str(refusal.value).count("registered") == 1


def test_a_location_that_is_gone_has_not_moved() -> None:
    ingest = create_ingest(locations=("cold",), addresses=HERE)
    require_unmoved(ingest, {})
    require_found_there(ingest, [registered("v1", "cold")], {})
    assert unreached(ingest, {}) == ["cold (s3://cold-bucket/)"]


def test_what_a_rollback_does_not_reach_is_named_with_where_it_was() -> None:
    locations = ("primary", "cold", "other")
    assert unreached(create_ingest(locations=locations, addresses=HERE), HERE) == []
    moved = unreached(create_ingest(locations=locations, addresses=HERE), MOVED)
    assert moved == ["cold (s3://cold-bucket/)"]
    # One that was never started knows of no place.
    never = create_ingest(locations=locations)
    assert unreached(never, {"primary": HERE["primary"]}) == ["cold", "other"]


@pytest.mark.parametrize(
    ("endpoint_url", "common", "server"),
    [
        (None, None, None),
        (None, "http://127.0.0.1:9", None),
        ("http://127.0.0.1:9", "http://127.0.0.1:9/", None),
        ("https://s3.eu-west-1.amazonaws.com", None, None),
        ("https://s3.eu-west-1.amazonaws.com", "http://127.0.0.1:9", "amazonaws.com"),
        ("https://S3.example.org:443", None, "s3.example.org"),
    ],
)
def test_an_address_names_the_server_only_where_it_is_not_the_installations(
    endpoint_url: str | None, common: str | None, server: str | None
) -> None:
    location = Location(bucket="content", endpoint_url=endpoint_url)
    assert location.address(common) == Address(bucket="content", server=server)
