"""What the commands say of warming, further locations, and single findings of audits."""

from __future__ import annotations

from typing import Any

import pytest

from course_backfill.cli.failure_lists import consequence_of
from course_backfill.cli.ingest_view import IngestView
from course_backfill.cli.summaries import summary

AUDIT, WARM, COPY = "audit-course", "warm-course", "backfill-course"
WARMING = {
    "objects": 12,
    "bytes": 1_200_000,
    "asked": 8,
    "ready": 4,
    "tier": "Bulk",
    "startedDate": "2026-03-02T08:00:00.000Z",
    "readyByDate": "2026-03-04T08:00:00.000Z",
    "readableUntil": None,
}


def create_replica(location: str, **fields: Any) -> dict[str, Any]:
    """A location where ten objects are right, and nothing else was found or done."""
    return {
        "location": location,
        "objectsDone": 0,
        "bytesDone": 0,
        "objectsVerified": 10,
        "damaged": 0,
        "beyondRepair": 0,
        "surplus": 0,
        "unread": 0,
    } | fields


OLDER = {"id": "course-v1:Org+C+R", "version": "v1"}
"""The course of an ingest that was asked to warm that version."""


def create_view(kind: str, *replicas: dict[str, Any], **fields: Any) -> IngestView:
    """An ingest of that type that has succeeded in three seconds."""
    return IngestView(
        {
            "id": "i-1",
            "ingestType": {"id": kind},
            "course": {"id": "course-v1:Org+C+R", "version": None},
            "sourceLocation": {"provider": {"id": "amazon-s3"}, "id": "primary"},
            "status": {"id": "succeeded"},
            "stage": None,
            "dryRun": False,
            "corruptObjects": "fail",
            "repairs": None,
            "warming": None,
            "replicas": list(replicas),
            "report": None,
            "events": [],
            "failures": {"count": 0},
            "createdDate": "2026-03-02T08:00:00.000Z",
            "lastModifiedDate": "2026-03-02T08:00:03.000Z",
        }
        | fields
    )


@pytest.mark.parametrize(
    ("view", "said", "counted"),
    [
        (
            create_view(
                COPY,
                create_replica("primary"),
                create_replica("second", objectsDone=13, bytesDone=1_000),
            ),
            "brought to second: 13 objects (manifest files included), 1.0 kB in 3 s",
            "1 brought to further locations",
        ),
        (
            create_view(COPY),
            "nothing to do: every version is there already; 0 objects moved",
            "1 had nothing to do",
        ),
        (
            create_view(WARM, create_replica("primary"), warming=WARMING | {"ready": 12}),
            "warm: 12 objects (1.2 MB) can be read",
            "1 warm",
        ),
        (
            create_view(WARM, create_replica("primary")),
            "nothing is cold: every file can be read",
            "1 warm",
        ),
        (
            create_view(WARM, create_replica("primary"), course=OLDER, warming=WARMING),
            "warm: 12 objects (1.2 MB) of v1 can be read",
            "1 warm",
        ),
        (
            create_view(WARM, create_replica("primary"), course=OLDER),
            "nothing is cold: every file of v1 can be read",
            "1 warm",
        ),
    ],
)
def test_each_kind_of_ingest_says_what_became_of_it(
    view: IngestView, said: str, counted: str
) -> None:
    assert view.end() == said
    assert summary([view]) == counted
    assert not view.went_wrong
    assert view.ended_as == "succeeded"


def test_an_ingest_that_waits_for_restores_says_how_many_are_ready_and_by_when() -> None:
    waiting = create_view(WARM, status={"id": "processing"}, stage="warming", warming=WARMING)

    assert waiting.standing() == (
        "warming: 4 of 12 objects (1.2 MB) can be read, 8 asked for with tier Bulk, "
        "ready by 2026-03-04 08:00:00 UTC"
    )
    assert waiting.note == "warming 4/12, by 08:00"


def test_what_an_audit_found_did_not_make_it_fail() -> None:
    audit = create_view(AUDIT, create_replica("second", damaged=1))
    missing = {"code": "object-missing", "severity": "failure", "stage": "verifying"}
    surplus = missing | {"code": "surplus-object", "severity": "warning"}

    assert consequence_of(missing, audit) == "damaged: course-backfill start mends it"
    assert consequence_of(surplus, audit) == "no version has it"
    repair = create_view(COPY, repairs="i-0")
    assert consequence_of(missing, repair) == "not mended"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (COPY, "nothing of it stays"),
        (AUDIT, "it changed nothing"),
        (WARM, "what S3 was asked to restore is restored all the same"),
    ],
)
def test_what_was_cancelled_says_what_stays_of_it(kind: str, said: str) -> None:
    assert create_view(kind, status={"id": "cancelled"}).end() == f"cancelled after 3 s; {said}"


def test_a_repair_that_mends_nothing_is_told_without_figures() -> None:
    progress = {"objectsTotal": 3, "bytesTotal": 0, "percent": 50}
    under_way = {"status": {"id": "processing"}, "stage": "verifying", "progress": progress}

    assert create_view(COPY, repairs=["i-0"], **under_way).standing() == "verifying"
    assert "of 3 objects" in create_view(COPY, **under_way).standing()
