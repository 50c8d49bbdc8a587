"""Locations: how each is reached stays inside, how many courses are there is told."""

from __future__ import annotations

from typing import Any

from tests.services.api_world import ApiWorld, create_request
from tests.services.memory_pipeline import COURSE

ROLE = "arn:aws:iam::123456789012:role/backfill"
LOCATIONS: list[dict[str, Any]] = [
    {"id": "primary", "bucket": "one"},
    {
        "id": "spare",
        "bucket": "two",
        "prefix": "copies/",
        "region": "eu-central-1",
        "storage_class": "DEEP_ARCHIVE",
        "role_arn": ROLE,
        "required": False,
    },
]


def test_locations_are_told_in_their_order_without_the_roles_that_reach_them() -> None:
    answer = ApiWorld(locations=LOCATIONS).get("/locations")
    assert (answer.status, answer.json["nextCursor"]) == (200, None)
    assert ROLE not in answer.text
    primary, spare = answer.json["results"]
    assert (primary["id"], primary["required"], primary["courses"]) == ("primary", True, 2)
    assert spare == {
        "type": "Location",
        "id": "spare",
        "provider": {"type": "Provider", "id": "amazon-s3"},
        "bucket": "two",
        "prefix": "copies/",
        "storageClass": "DEEP_ARCHIVE",
        "region": "eu-central-1",
        "endpointUrl": None,
        "required": False,
        "backfilled": 0,
        "courses": 2,
    }


def test_a_course_counts_in_a_location_once_every_version_is_there() -> None:
    world = ApiWorld(locations=LOCATIONS)

    def backfilled() -> list[int]:
        return [one["backfilled"] for one in world.get("/locations").json["results"]]

    world.pipeline.content.save(COURSE, "a.txt", b"alpha")
    world.backfill()
    assert backfilled() == [1, 0]
    to_spare = {"sourceLocation": {"provider": {"id": "amazon-s3"}}, "locations": ["spare"]}
    world.post("/ingests", create_request(**to_spare))
    world.pipeline.run()
    assert backfilled() == [1, 1]
    world.pipeline.content.save(COURSE, "b.txt", b"beta")
    world.backfill()
    assert backfilled() == [1, 0]
    row = world.get("/reports/backfill", query="org=Org1").json["results"][0]
    assert (row["backfilled"], row["missing"], row["versions"]) == (True, [], 2)
    assert row["locations"] == {"primary": "v2", "spare": None}
    assert {one["location"]: one["versions"] for one in row["replicas"]} == {
        "primary": 2,
        "spare": 1,
    }


def test_the_report_of_one_location_tells_of_damage_there_alone() -> None:
    world = ApiWorld(locations=LOCATIONS)
    world.pipeline.content.save(COURSE, "a.txt", b"alpha")
    world.backfill(locations=["spare"])
    bucket = world.pipeline.wiring.bucket
    bucket.store(f"courses/{COURSE}/v1/assets/a.txt", b"rotten")
    world.post("/ingests", create_request() | {"ingestType": {"id": "audit-course"}})
    world.pipeline.run()

    def told(query: str) -> tuple[int, int, list[str]]:
        report = world.get("/reports/backfill", query=f"org=Org1{query}").json
        (row,) = report["results"]
        replicas = [one["location"] for one in row["replicas"]]
        return report["totals"]["damaged"], row["damaged"], sorted(replicas)

    assert told("") == (1, 1, ["primary", "spare"])
    assert told("&location=primary") == (1, 1, ["primary"])
    assert told("&location=spare") == (0, 0, ["spare"])
