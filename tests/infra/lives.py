"""What an installation lives through in a year, all of it once: for the requests that it takes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import httpx

from course_backfill.addresses import Address
from course_backfill.courses import CourseId
from course_backfill.errors import SourceRefused
from course_backfill.ingests import Ingest, IngestStatus
from course_backfill.local.http_event import HttpRequest, http_event
from course_backfill.local.lambda_event import SCHEDULE
from course_backfill.messages import SERVICES
from infra.stage import API
from services.ingests_api.auth import ALL_SCOPES
from tests.infra.recorded import Recorded

MIB = 1024 * 1024
FAILING = ("warmer", "replicator", "verifier", "aggregator", "register")
ON_FAILURE = ("rollback", "keep")
"""Functions that find out, one after the other, that an ingest cannot go on."""


class Life:
    """Drives the functions of an installation as its schedules, queues and clients would."""

    def __init__(self, recorded: Recorded, endpoint: str) -> None:
        self.on = recorded
        self._endpoint = endpoint
        self._courses = 0

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Asks the API, in the name of an operator; the answer's document, or its text."""
        scopes = " ".join(f"{self.on.settings.scope_prefix}{one}" for one in ALL_SCOPES)
        place, _, query = path.partition("?")
        request = HttpRequest(
            method=method,
            path=place.encode(),
            query=query.encode(),
            headers=[(b"content-type", b"application/json")],
            body=b"" if body is None else json.dumps(body).encode(),
            client="192.0.2.1",
        )
        claims = {"sub": "operator", "scope": scopes}
        answer = self.on.api(http_event(request, claims=claims, clock=self.on.clock), None)
        assert answer["statusCode"] < 400, (method, path, answer)
        text = answer.get("body") or ""
        return json.loads(text) if text.startswith("{") else text

    def course(self, **files: bytes) -> str:
        """A course of the source, as a discovery finds it, with these files."""
        self._courses += 1
        course = CourseId.parse(f"course-v1:Org+CS{self._courses}+R1")
        self.on.content.add_course(course)
        for name, content in (files or {"a": b"alpha", "b": b"beta"}).items():
            self.on.content.save(course, f"{name}.txt", content)
        self.on.wirings["planner"].courses.add(course)
        return str(course)

    def discover(self) -> None:
        """What an operator asks for."""
        found = self.ask("POST", "/discoveries", {})
        self.on.run()
        self.ask("GET", f"/discoveries/{found['id']}")

    def start(self, course: str, kind: str = "backfill-course", **fields: Any) -> str:
        """Starts an ingest; its id."""
        body = {"type": "Ingest", "ingestType": {"id": kind}, "course": {"id": course}}
        return str(self.ask("POST", "/ingests", body | fields)["id"])

    def ended(self, ingest: str) -> Ingest:
        """The ingest once everything has run, however long it waits in between."""
        for _ in range(20):
            self.on.run()
            found = self.on.wirings[API].ingests.get(ingest)
            if found.status.is_end:
                return found
            self.pass_time(hours=1)
        raise AssertionError(f"{ingest} does not end: {found.status} {found.stage}")

    def succeeds(self, course: str, kind: str = "backfill-course", **fields: Any) -> Ingest:
        """An ingest that has to succeed."""
        found = self.ended(self.start(course, kind, **fields))
        assert found.status is IngestStatus.SUCCEEDED, found.failure
        return found

    def fails(self, course: str, kind: str = "backfill-course", **fields: Any) -> Ingest:
        """An ingest that has to fail."""
        found = self.ended(self.start(course, kind, **fields))
        assert found.status is IngestStatus.FAILED, found
        return found

    def pass_time(self, **time: float) -> None:
        """Time passes, and the schedules do what is due then."""
        self.on.clock.advance(**time)
        self.on.invoke("janitor", SCHEDULE)
        self.on.run()

    def archive(self, course: str, location: str = "primary") -> None:
        """The content of a course goes cold there."""
        place = self.on.wirings[API].locations[location]
        order = {
            "bucket": place.bucket,
            "prefix": f"{place.prefix}courses/{course}/v1/assets/",
            "storageClass": "GLACIER",
        }
        self.order("/_archive", order)

    def damage(self, course: str, name: str, location: str = "primary") -> None:
        """A stranger replaces an object of a location."""
        place = self.on.wirings[API].locations[location]
        key = f"{place.course_prefix(CourseId.parse(course))}v1/{name}"
        self.on.s3.put_object(Bucket=place.bucket, Key=key, Body=b"rotten")

    def leave_upload(self, course: str, name: str) -> None:
        """A worker that died had begun to upload it to the primary."""
        place = self.on.wirings[API].primary
        key = place.course_prefix(CourseId.parse(course)) + name
        self.on.s3.create_multipart_upload(
            Bucket=place.bucket,
            Key=key,
            ContentType="application/octet-stream",
            ChecksumAlgorithm="CRC64NVME",
            ChecksumType="FULL_OBJECT",
        )

    def order(self, path: str, document: Mapping[str, Any]) -> None:
        """Orders something of the embedded AWS itself."""
        httpx.post(f"{self._endpoint}{path}", json=document).raise_for_status()

    def moved_for(self, service: str) -> None:
        """From now on the function believes that the locations are elsewhere."""
        wiring = self.on.wirings[service]
        elsewhere = Address(bucket="elsewhere", prefix="", server=None)
        wiring.__dict__["addresses"] = dict.fromkeys(wiring.locations, elsewhere)
        self.on.use(service, self.on.handler_on(service, wiring))

    def found_again(self, service: str) -> None:
        """It knows where they are again."""
        del self.on.wirings[service].__dict__["addresses"]
        self.on.use(service)


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
        f"/courses/{course}/versions/v1/content/assets/a.txt",
        "/reports/backfill",
        "/locations",
        "/dead-letters",
        "/openapi.json",
    ):
        life.ask("GET", path)


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
