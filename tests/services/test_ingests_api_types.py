"""Asking for backfills between locations, audits and warming: what is taken, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.api_world import ApiWorld, create_request
from tests.services.memory_pipeline import COURSE

LOCATIONS: list[dict[str, Any]] = [
    {"id": "primary", "bucket": "one"},
    {"id": "second", "bucket": "two"},
    {"id": "spare", "bucket": "three", "required": False},
]
FROM_PRIMARY = {"provider": {"id": "amazon-s3"}}


@pytest.fixture(scope="module")
def world() -> ApiWorld:
    return backfilled()


def backfilled() -> ApiWorld:
    """An installation whose one course is in all required locations."""
    world = ApiWorld(locations=LOCATIONS, restore_tier="Bulk", restore_days=3)
    world.pipeline.content.save(COURSE, "a.txt", b"alpha")
    world.backfill()
    return world


def asked(kind: str, **fields: Any) -> dict[str, Any]:
    return create_request() | {"ingestType": {"id": kind}} | fields


@pytest.mark.parametrize(
    ("kind", "fields", "locations"),
    [
        ("backfill-course", {}, ["primary", "second"]),
        ("backfill-course", {"locations": ["spare"]}, ["primary", "second", "spare"]),
        ("backfill-course", {"sourceLocation": FROM_PRIMARY}, ["primary", "second"]),
        (
            "backfill-course",
            {"sourceLocation": FROM_PRIMARY, "locations": ["spare", "second"]},
            ["second", "spare"],
        ),
        ("audit-course", {}, ["primary", "second", "spare"]),
        ("audit-course", {"locations": ["spare"]}, ["spare"]),
        ("warm-course", {}, ["primary"]),
        ("warm-course", {"locations": ["spare", "second"]}, ["second", "spare"]),
    ],
)
def test_each_type_has_the_locations_that_it_is_for(
    kind: str, fields: dict[str, Any], locations: list[str]
) -> None:
    answer = backfilled().post("/ingests", asked(kind, **fields))
    assert answer.status == 201
    assert answer.json["ingestType"] == {"id": kind, "type": "IngestType"}
    assert answer.json["locations"] == locations


@pytest.mark.parametrize(
    ("kind", "fields", "pointers"),
    [
        ("audit-course", {"sourceLocation": FROM_PRIMARY}, ["/sourceLocation"]),
        ("audit-course", {"content": ["assets"]}, ["/content"]),
        ("audit-course", {"dryRun": True}, ["/dryRun"]),
        ("warm-course", {"method": "bytes", "warm": True}, ["/method", "/warm"]),
        ("backfill-course", {"method": "checksums"}, ["/method"]),
        ("warm-course", {"corruptObjects": "record"}, ["/corruptObjects"]),
        (
            "backfill-course",
            {"sourceLocation": FROM_PRIMARY, "content": ["assets"], "corruptObjects": "record"},
            ["/content", "/corruptObjects"],
        ),
        (
            "backfill-course",
            {"sourceLocation": {"provider": {"id": "mongodb"}, "id": "primary"}},
            ["/sourceLocation/id"],
        ),
        (
            "backfill-course",
            {"sourceLocation": FROM_PRIMARY | {"id": "moon"}},
            ["/sourceLocation/id"],
        ),
        ("audit-course", {"locations": ["moon", "second"]}, ["/locations"]),
        (
            "warm-course",
            {"restoreTier": "Fast", "restoreDays": 0},
            ["/restoreDays", "/restoreTier"],
        ),
        ("warm-course", {"version": "2", "method": "bytes"}, ["/version", "/method"]),
        ("warm-course", {"version": 2}, ["/version"]),
        ("backfill-course", {"version": "v1"}, ["/version"]),
        ("audit-course", {"version": "v1", "dryRun": True}, ["/version", "/dryRun"]),
        ("warm-course", {"maxCost": -1}, ["/maxCost"]),
        ("warm-course", {"maxCost": "free"}, ["/maxCost"]),
        ("warm-course", {"maxCost": 0.001}, ["/maxCost"]),
        (
            "backfill-course",
            {"sourceLocation": FROM_PRIMARY, "locations": ["primary"]},
            ["/locations"],
        ),
        (
            "backfill-course",
            {"sourceLocation": FROM_PRIMARY | {"id": "spare"}, "locations": ["spare"]},
            ["/locations"],
        ),
    ],
)
def test_what_a_type_has_no_use_for_is_refused_with_all_else_that_is_wrong(
    world: ApiWorld, kind: str, fields: dict[str, Any], pointers: list[str]
) -> None:
    answer = world.post("/ingests", asked(kind, **fields) | {"restoreMinutes": 1})
    assert answer.status == 422
    assert sorted(answer.pointers) == sorted([*pointers, "/restoreMinutes"])


def test_a_refusal_says_which_type_or_source_a_field_is_for(world: ApiWorld) -> None:
    def details(**fields: Any) -> dict[str, str]:
        answer = world.post("/ingests", create_request() | fields)
        return {one["pointer"]: one["detail"] for one in answer.json["errors"]}

    assert details(warm=True)["/warm"] == "only with ingestType audit-course"
    assert details(version="v1")["/version"] == "only with ingestType warm-course"
    warming = {"ingestType": {"id": "warm-course"}}
    assert details(**warming, version="latest")["/version"] == "expected a version such as v1"
    from_s3 = details(sourceLocation=FROM_PRIMARY, content=["assets"])
    assert from_s3["/content"].startswith("only where the source is mongodb")
    unknown = details(sourceLocation=FROM_PRIMARY | {"id": "moon"})
    assert unknown["/sourceLocation/id"] == (
        "'moon' not available; available: primary, second, spare"
    )


def test_how_cold_objects_are_restored_is_the_installations_choice_unless_asked_otherwise() -> None:
    def restore(**fields: Any) -> Any:
        return backfilled().post("/ingests", asked("warm-course", **fields)).json["restore"]

    assert restore() == {"tier": "Bulk", "days": 3, "maxCost": None}
    wish = {"restoreTier": "Expedited", "restoreDays": 30, "maxCost": 12.5}
    assert restore(**wish) == {"tier": "Expedited", "days": 30, "maxCost": 12.5}
    assert restore(maxCost=0)["maxCost"] == 0


def test_an_audit_shows_how_it_looks_and_other_types_that_they_are_none() -> None:
    world = backfilled()
    audit = world.post("/ingests", asked("audit-course", method="checksums", warm=True)).json
    assert audit["audit"] == {"method": "checksums", "warm": True}
    assert audit["repairs"] is None
    other = world.start(dryRun=True).json
    assert (other["audit"], other["warming"]) == (None, None)


def test_an_ingest_from_a_location_shows_which(world: ApiWorld) -> None:
    source = {"provider": {"id": "amazon-s3"}, "id": "second"}
    shown = world.start(COURSE, sourceLocation=source, dryRun=True).json["sourceLocation"]
    assert shown == {
        "type": "Location",
        "provider": {"type": "Provider", "id": "amazon-s3"},
        "id": "second",
    }
