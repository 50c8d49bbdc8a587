"""Whether what keeps a course busy is what a command wants, and how that is said."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from course_backfill.cli.api_client import ApiClient
from course_backfill.cli.busy import doing, is_wanted, wanted_locations
from course_backfill.cli.ingest_view import IngestView

BACKFILL, AUDIT, WARM = (
    {"ingestType": {"id": one}} for one in ("backfill-course", "audit-course", "warm-course")
)
LOCATIONS = [
    {"id": "primary", "required": True},
    {"id": "second", "required": True},
    {"id": "spare", "required": False},
]


def create_active(**fields: Any) -> dict[str, Any]:
    """An active ingest as the API shows it: a usual backfill unless told otherwise."""
    return {
        "id": "i-1",
        **BACKFILL,
        "course": {"id": "course-v1:Org+C+R", "version": None},
        "sourceLocation": {"provider": {"id": "mongodb"}, "id": None},
        "locations": ["primary", "second"],
        "dryRun": False,
        "onFailure": "rollback",
        "corruptObjects": "fail",
        "restore": {"tier": "Standard", "days": 7, "maxCost": None},
        "audit": None,
        "repairs": None,
        "status": {"id": "processing"},
        "stage": "verifying",
        "requestedBy": "operator",
    } | fields


def copied_from(location: str | None) -> dict[str, Any]:
    """What a request, and an ingest, say of copying from a location."""
    return {"sourceLocation": {"provider": {"id": "amazon-s3"}, "id": location}}


def of_version(version: str) -> dict[str, Any]:
    """What an ingest says of the version that it makes, or was asked to warm."""
    return {"course": {"id": "course-v1:Org+C+R", "version": version}}


AUDITED = {**AUDIT, "audit": {"method": "bytes", "warm": False}}
USUAL = {**BACKFILL, "dryRun": False, "onFailure": "rollback", "corruptObjects": "fail"}


@pytest.mark.parametrize(
    ("active", "wanted", "locations"),
    [
        ({}, USUAL, []),
        ({"onFailure": "keep", "corruptObjects": "record"}, USUAL, []),
        ({"locations": ["primary", "second", "spare"]}, USUAL, ["spare"]),
        ({"repairs": "i-0"}, USUAL, []),
        (copied_from("primary"), {**BACKFILL, **copied_from(None)}, ["primary", "second"]),
        (AUDITED, {**AUDIT, "method": "bytes", "warm": False}, ["second"]),
        ({**AUDITED, "locations": []}, {**AUDIT, "method": "bytes", "warm": False}, ["spare"]),
        (WARM, {**WARM, "dryRun": False, "restoreTier": "Standard", "restoreDays": 7}, ["primary"]),
        ({**WARM, **of_version("v1")}, {**WARM, "version": "v1"}, ["primary"]),
        (of_version("v2"), USUAL, []),
    ],
)
def test_an_active_ingest_that_does_all_that_is_asked_for_is_what_is_wanted(
    active: dict[str, Any], wanted: dict[str, Any], locations: list[str]
) -> None:
    assert is_wanted(create_active(**active), wanted, locations)


@pytest.mark.parametrize(
    ("active", "wanted", "locations"),
    [
        (AUDITED, USUAL, []),
        (WARM, USUAL, []),
        ({}, {**AUDIT, "method": "bytes", "warm": False}, ["primary"]),
        ({}, {**WARM, "dryRun": False}, ["primary"]),
        ({"dryRun": True}, USUAL, []),
        (copied_from("primary"), USUAL, []),
        ({}, {**BACKFILL, **copied_from("primary")}, ["primary"]),
        (copied_from("second"), {**BACKFILL, **copied_from("primary")}, ["primary"]),
        ({}, USUAL, ["spare"]),
        ({}, {**USUAL, "onFailure": "keep"}, []),
        ({}, {**USUAL, "corruptObjects": "record"}, []),
        (AUDITED, {**AUDIT, "method": "checksums", "warm": False}, ["primary"]),
        (AUDITED, {**AUDIT, "method": "bytes", "warm": True}, ["primary"]),
        (AUDITED, {**AUDIT, "method": "bytes", "warm": False}, ["primary", "spare"]),
        (WARM, {**WARM, "restoreDays": 14}, ["primary"]),
        (WARM, {**WARM, "maxCost": 3.0}, ["primary"]),
        (WARM, {**WARM, "version": "v1"}, ["primary"]),
        ({**WARM, **of_version("v1")}, WARM, ["primary"]),
        ({**WARM, **of_version("v2")}, {**WARM, "version": "v1"}, ["primary"]),
    ],
)
def test_an_active_ingest_that_lacks_anything_asked_for_is_something_else(
    active: dict[str, Any], wanted: dict[str, Any], locations: list[str]
) -> None:
    assert not is_wanted(create_active(**active), wanted, locations)


@pytest.mark.parametrize(
    ("wanted", "locations"),
    [
        ({**BACKFILL, "locations": ["spare"]}, ["spare"]),
        (BACKFILL, []),
        (WARM, ["primary"]),
        (AUDIT, ["primary", "second", "spare"]),
        ({**BACKFILL, **copied_from("primary")}, ["primary", "second"]),
    ],
)
def test_a_request_that_names_no_location_is_about_those_that_the_api_takes(
    wanted: dict[str, Any], locations: list[str]
) -> None:
    answer = httpx.MockTransport(lambda _: httpx.Response(200, json={"results": LOCATIONS}))
    with httpx.Client(base_url="http://api", transport=answer) as http:
        assert wanted_locations(ApiClient(http), wanted) == locations


@pytest.mark.parametrize(
    ("active", "said"),
    [
        (
            {**AUDITED, "requestedBy": "schedule"},
            "audited by ingest i-1 (verifying, asked for by the schedule)",
        ),
        (WARM, "warmed by ingest i-1 (verifying)"),
        (
            {"stage": None, "status": {"id": "accepted"}},
            "backfilled otherwise than asked for by ingest i-1 (accepted)",
        ),
        ({"repairs": "i-0"}, "mended otherwise than asked for by ingest i-1 (verifying)"),
        (
            {**copied_from("primary"), "locations": ["second", "spare"]},
            "brought to second, spare otherwise than asked for by ingest i-1 (verifying)",
        ),
    ],
)
def test_what_keeps_a_course_busy_is_named_with_its_ingest_and_stage(
    active: dict[str, Any], said: str
) -> None:
    assert doing(IngestView(create_active(**active)), USUAL) == f"being {said}"
