"""What an installation lives through in a year, all of it once: for the requests that it takes."""

from __future__ import annotations

import json
import os
from typing import Any

from course_backfill.courses import CourseId
from course_backfill.errors import SourceRefused
from course_backfill.ingests import IngestStatus
from course_backfill.local.lambda_event import SCHEDULE
from course_backfill.messages import SERVICES
from infra.stage import API
from tests.infra.life import Life

MIB = 1024 * 1024
FAILING = ("warmer", "replicator", "verifier", "aggregator", "register")
"""Functions that find out, one after the other, that an ingest cannot go on."""
ON_FAILURE = ("rollback", "keep")
EVERYWHERE = ["primary", "archive", "partner"]


def live(life: Life) -> None:
    """All of it."""
    backfills(life)
    looks(life)
    audits_and_repairs(life)
    cold_courses(life)
    ends(life)
    dead_letters(life)
    life.pass_time(days=40)
    life.on.invoke("planner", SCHEDULE)
    life.on.run()


def backfills(life: Life) -> None:
    """A first version, a later one, nothing to do, a dry run, another location."""
    life.on.invoke("planner", SCHEDULE)
    life.discover()
    course = life.course(small=b"alpha", large=os.urandom(20 * MIB))
    life.leave_upload(course, "v1/assets/large.txt")
    life.succeeds(course, callback={"url": "https://lms.example.org/hook"})
    life.succeeds(course)
    life.succeeds(course, dryRun=True)
    life.on.content.save(CourseId.parse(course), "small.txt", b"changed")
    life.succeeds(course, locations=EVERYWHERE)
    fresh = life.course()
    life.succeeds(fresh, locations=["primary"])
    from_primary = {"provider": {"id": "amazon-s3"}}
    life.succeeds(fresh, sourceLocation=from_primary, dryRun=True)
    life.succeeds(fresh, sourceLocation=from_primary, locations=EVERYWHERE)


def looks(life: Life) -> None:
    """Every question that the API answers."""
    course = life.course()
    ingest = life.succeeds(course)
    for path in (
        f"/ingests/{ingest.id}",
        f"/ingests/{ingest.id}/events",
        f"/ingests/{ingest.id}/failures",
        "/ingests",
        "/ingests?status=succeeded",
        f"/ingests?course={course}".replace("+", "%2B"),
        "/courses",
        "/courses?status=migrated",
        f"/courses/{course}",
        f"/courses/{course}/versions",
        f"/courses/{course}/versions/v1",
        f"/courses/{course}/versions/v1/entries",
        "/reports/backfill",
        "/locations",
        "/dead-letters",
        "/openapi.json",
    ):
        life.ask("GET", path)
    life.follow(f"/courses/{course}/versions/v1/content/assets/a.txt", b"alpha")


def audits_and_repairs(life: Life) -> None:
    """Damage is found, mended, and found to be mended."""
    course = life.course()
    life.succeeds(course, locations=EVERYWHERE)
    life.damage(course, "assets/a.txt")
    found = life.succeeds(course, "audit-course")
    assert found.failure_count == 1
    mended = life.succeeds(course)
    assert mended.repairs == found.id
    assert life.succeeds(course, "audit-course").failure_count == 0
    lost = life.course()
    life.succeeds(lost)
    for location in ("primary", "archive"):
        life.damage(lost, "assets/a.txt", location)
    life.succeeds(lost, "audit-course")
    life.fails(lost)


def cold_courses(life: Life) -> None:
    """Content that has gone cold is restored: for itself, and to be copied."""
    course = life.course()
    life.succeeds(course)
    life.archive(course)
    place = life.on.wirings[API].primary
    waiting = life.start(course, "warm-course")
    life.order("/_restores", {"seconds": 3_600})
    life.on.run()
    life.ask("POST", f"/ingests/{waiting}/restore-tier", {"tier": "Expedited"})
    life.order("/_restores", {"seconds": 0})
    detail = {
        "bucket": {"name": place.bucket},
        "object": {"key": f"courses/{course}/v1/assets/a.txt"},
    }
    life.on.invoke(
        "warmer",
        {"source": "aws.s3", "detail-type": "Object Restore Completed", "detail": detail},
    )
    assert life.ended(waiting).status is IngestStatus.SUCCEEDED
    cold = life.course()
    life.succeeds(cold)
    life.archive(cold)
    life.succeeds(cold, sourceLocation={"provider": {"id": "amazon-s3"}}, locations=["partner"])


def ends(life: Life) -> None:
    """Ingests that fail at each function, are kept, retried, cancelled, rolled back, expire."""
    for on_failure in ON_FAILURE:
        _refused_source(life, on_failure)
    there = life.course()
    life.succeeds(there, locations=["primary"])
    life.archive(there)
    for service in FAILING:
        for on_failure in ON_FAILURE:
            _moved(life, service, on_failure, there)
    for kind in ("audit-course", "warm-course"):
        course = life.course()
        life.succeeds(course)
        life.moved_for("planner")
        life.fails(course, kind)
        life.found_again("planner")
    cancelled = life.start(life.course())
    life.ask("POST", f"/ingests/{cancelled}/cancel")
    assert life.ended(cancelled).status is IngestStatus.CANCELLED
    _cancelled_while_it_copies(life)
    _retried(life)
    life.pass_time(days=2)


def _refused_source(life: Life, on_failure: str) -> None:
    course = life.course()
    life.on.source.fail_next(1, SourceRefused("this MongoDB lets nobody in"))
    life.fails(course, onFailure=on_failure)


def _moved(life: Life, service: str, on_failure: str, there: str) -> None:
    """Found out in the leg from the source, and in the leg between locations."""
    life.moved_for(service)
    if service in {"replicator", "verifier"}:
        life.fails(life.course(), onFailure=on_failure, locations=["primary"])
    source = {"provider": {"id": "amazon-s3"}}
    life.fails(there, onFailure=on_failure, sourceLocation=source, locations=["partner"])
    life.found_again(service)


def _cancelled_while_it_copies(life: Life) -> None:
    course = life.course()
    ingest = life.start(course)
    life.leave_upload(course, "v1/assets/late.txt")

    def stop(event: Any, context: Any) -> Any:
        life.ask("POST", f"/ingests/{ingest}/cancel")
        return {"batchItemFailures": []}

    life.on.use("verifier", stop)
    assert life.ended(ingest).status is IngestStatus.CANCELLED
    life.on.use("verifier")


def _retried(life: Life) -> None:
    kept = life.course()
    life.moved_for("verifier")
    failed = life.fails(kept, onFailure="keep")
    life.found_again("verifier")
    life.ask("POST", f"/ingests/{failed.id}/retry")
    assert life.ended(failed.id).status is IngestStatus.SUCCEEDED
    superseded = life.course()
    life.moved_for("verifier")
    life.fails(superseded, onFailure="keep")
    expired = life.course()
    life.fails(expired, onFailure="keep")
    life.found_again("verifier")
    life.succeeds(superseded)
    life.pass_time(days=20)
    life.pass_time(hours=1)


def dead_letters(life: Life) -> None:
    """Each function is given what it cannot do, and what it gave up is taken in and sent again."""
    course = life.course()
    ingest = life.start(course)
    for service in SERVICES:
        life.on.put(service, "no message at all")
        life.on.put(service, "no message at all", dead=True)
    message = {"ingest": ingest, "epoch": 1, "step": "plan"}
    life.on.put("planner", json.dumps(message), dead=True)
    life.on.bury()
    life.on.run()
    assert life.on.wirings[API].ingests.get(ingest).status is IngestStatus.FAILED
    life.ask("GET", "/dead-letters")
    for service in SERVICES:
        life.ask("POST", "/dead-letters/redrive", {"service": service})
    life.on.run()
