"""What the commands say of audits, repairs, warming and further locations."""

from __future__ import annotations

from typing import Any

import pytest

from course_backfill.cli.audit_findings import print_findings
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
    ("view", "said", "counted", "is_wrong"),
    [
        (
            create_view(AUDIT, create_replica("primary"), create_replica("second")),
            "audited in 3 s: 20 objects compared in 2 locations; nothing is damaged",
            "1 undamaged",
            False,
        ),
        (
            create_view(AUDIT, create_replica("second", damaged=2, surplus=1, unread=1_000)),
            "audited in 3 s: 12 objects compared in 1 location; "
            "2 damaged, 1 surplus, 1,000 cold and left unread",
            "1 damaged",
            True,
        ),
        (
            create_view(AUDIT, create_replica("second", unread=3)),
            "audited in 3 s: 10 objects compared in 1 location; "
            "nothing is damaged, 3 cold and left unread",
            "1 undamaged",
            False,
        ),
        (
            create_view(COPY, create_replica("second", objectsDone=1, bytesDone=9), repairs="i-0"),
            "mended in 3 s what an audit found: 1 object, 9 bytes",
            "1 mended",
            False,
        ),
        (
            create_view(COPY, create_replica("second", damaged=2, beyondRepair=2), repairs="i-0"),
            "mended in 3 s what an audit found: 0 objects, 0 bytes; 2 objects damaged still",
            "1 mended only in part",
            True,
        ),
        (
            create_view(
                COPY,
                create_replica("primary"),
                create_replica("second", objectsDone=13, bytesDone=1_000),
            ),
            "brought to second: 13 objects, 1.0 kB in 3 s",
            "1 brought to further locations",
            False,
        ),
        (
            create_view(COPY),
            "nothing to do: every version is there already; 0 objects moved",
            "1 had nothing to do",
            False,
        ),
        (
            create_view(WARM, create_replica("primary"), warming=WARMING | {"ready": 12}),
            "warm: 12 objects (1.2 MB) can be read",
            "1 warm",
            False,
        ),
        (
            create_view(WARM, create_replica("primary")),
            "nothing is cold: every file can be read",
            "1 warm",
            False,
        ),
    ],
)
def test_each_kind_of_ingest_says_what_became_of_it(
    view: IngestView, said: str, counted: str, is_wrong: bool
) -> None:
    assert view.end() == said
    assert summary([view]) == counted
    assert view.went_wrong is is_wrong
    assert view.ended_as == ("failed" if is_wrong else "succeeded")


def test_an_ingest_that_waits_for_restores_says_how_many_are_ready_and_by_when() -> None:
    waiting = create_view(WARM, status={"id": "processing"}, stage="warming", warming=WARMING)

    assert waiting.standing() == (
        "warming: 4 of 12 objects (1.2 MB) can be read, 8 asked for with tier Bulk, "
        "ready by 2026-03-04 08:00:00 UTC"
    )
    assert waiting.note == "warming 4/12, by 08:00"


def test_findings_are_summed_by_location_with_what_to_do_about_each(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    sound = create_view(AUDIT, create_replica("primary"), create_replica("second"))
    damaged = create_view(AUDIT, create_replica("second", objectsVerified=7, damaged=3), id="i-2")
    other = create_view(AUDIT, create_replica("primary", surplus=2, unread=4), id="i-3")

    print_findings([sound, damaged, other])

    shown = capsys.readouterr().out
    cells = [line.split() for line in shown.splitlines()]
    assert ["primary", "20", "0", "2", "4"] in cells
    assert ["second", "17", "3", "0", "0"] in cells
    assert "3 damaged in second" in shown
    assert "course-backfill failures i-2" in shown
    assert "course-backfill start course-v1:Org+C+R" in shown
    assert "2 surplus in primary" in shown
    assert "course-backfill audit COURSE --warm" in shown


def test_what_an_audit_found_did_not_make_it_fail() -> None:
    audit = create_view(AUDIT, create_replica("second", damaged=1))
    missing = {"code": "object-missing", "severity": "failure", "stage": "verifying"}
    surplus = missing | {"code": "surplus-object", "severity": "warning"}

    assert consequence_of(missing, audit) == "damaged: course-backfill start mends it"
    assert consequence_of(surplus, audit) == "no version has it"
    repair = create_view(COPY, repairs="i-0")
    assert consequence_of(missing, repair) == "not mended"
