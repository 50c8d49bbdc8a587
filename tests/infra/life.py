"""What drives the functions of an installation: clients, schedules, queues, and what goes wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx

from course_backfill.addresses import Address
from course_backfill.api_clients import ALL_SCOPES
from course_backfill.courses import CourseId
from course_backfill.ingests import Ingest, IngestStatus
from course_backfill.local.http_event import HttpRequest, http_event
from course_backfill.local.lambda_event import SCHEDULE
from infra.stage import API
from tests.infra.recorded import Recorded


class Life:
    """Drives the functions of an installation as its schedules, queues and clients would."""

    def __init__(self, recorded: Recorded, endpoint: str) -> None:
        self.on = recorded
        self._endpoint = endpoint
        self._courses = 0

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Asks the API, in the name of an operator; the answer's document, or its text."""
        text = self._answer(method, path, body).get("body") or ""
        return json.loads(text) if text.startswith("{") else text

    def follow(self, path: str, content: bytes) -> None:
        """Follows the link that the API answers with, to that content."""
        answer = self._answer("GET", path, None)
        (link,) = (value for name, value in answer["headers"].items() if name.lower() == "location")
        assert httpx.get(link).content == content

    def _answer(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
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
        return answer

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
