"""The package as AWS Lambda runs it: recorded events in, one course after the other migrated."""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from course_backfill.adapters.aws_clients import events_client, secrets_client
from course_backfill.adapters.mongodb import Document
from course_backfill.adapters.sqs_consumer import SqsConsumer
from course_backfill.api_clients import ALL_SCOPES
from course_backfill.courses import CourseId
from course_backfill.local.embedded_aws.server import running_embedded_aws
from course_backfill.local.mongod import running_mongod
from course_backfill.locations import Location
from course_backfill.messages import SERVICES, StepMessage
from course_backfill.resources import dead_letters_name, queue_name
from infra.environment import environment
from infra.packaging import HERE, package
from tests.features.installation import PATIENCE, Installation
from tests.features.installation import installation as made_installation
from tests.infra.packaged import Event, PackagedFunction, brought, recorded

API = "ingests_api"
FILES = {"syllabus.pdf": b"%PDF-1.7", "empty.txt": b"", "film.mp4": bytes(range(256)) * 4096}
DONE: Event = {"batchItemFailures": []}
HOUR = 3600


class Functions:
    """An installation whose every step is done by a packaged function, event by event."""

    def __init__(self, installation: Installation, scratch: Path) -> None:
        self.installation = installation
        self.code = package(platform=HERE)
        self.running: dict[str, PackagedFunction] = {}
        self._scratch = scratch
        settings = installation.settings
        self._heard = SqsConsumer(installation.clients.sqs, _listen(installation))
        secret = f"{settings.namespace}/mongodb"
        uri = settings.mongo_uri.get_secret_value() if settings.mongo_uri else ""
        secrets_client(settings).create_secret(Name=secret, SecretString=uri)
        stage = {
            "mongo_uri": None,
            "mongo_uri_secret_name": secret,
            "event_bus": settings.namespace,
            "restore_first_look_seconds": HOUR,
        }
        self._environment = environment(settings.model_copy(update=stage)) | {
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "made-up",
            "AWS_SECRET_ACCESS_KEY": "made-up",
        }
        self._queues = {
            one: SqsConsumer(installation.clients.sqs, queue_name(settings.namespace, one))
            for one in SERVICES
        }

    def invoke(self, service: str, event: Event) -> Any:
        """What a function answers to an event."""
        if service not in self.running:
            self.running[service] = PackagedFunction(
                service, code=self.code, environment=self._environment, scratch=self._scratch
            )
        return self.running[service](event)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """What the API answers, as API Gateway asks it; it is no error."""
        event = deepcopy(recorded("http-api"))
        event |= {"rawPath": path, "body": json.dumps(body)}
        event["requestContext"]["http"] |= {"method": method, "path": path}
        event["requestContext"]["authorizer"]["jwt"]["claims"]["scope"] = " ".join(ALL_SCOPES)
        answer = self.invoke(API, event)
        assert answer["statusCode"] < 300, answer
        return json.loads(answer["body"])

    def ingest(self, course: CourseId, **request: Any) -> str:
        """Asks for an ingest; its id."""
        asked = {"ingestType": {"id": "backfill-course"}, "course": {"id": str(course)}, **request}
        return str(self.ask("POST", "/ingests", asked)["id"])

    def work(self) -> None:
        """Gives every queue's messages to its function, until there are none."""
        while sum(self._take(service) for service in SERVICES):
            continue

    def work_until(self, ingest: str, *, status: str) -> Any:
        """Works, with a schedule's event in between, until the ingest has this status."""
        deadline = time.monotonic() + PATIENCE
        while (seen := self.ask("GET", f"/ingests/{ingest}"))["status"]["id"] != status:
            assert time.monotonic() < deadline, seen
            assert self.invoke("janitor", recorded("schedule")) == DONE
            self.work()
        self.work()
        return seen

    def heard(self) -> list[Any]:
        """What the bus of domain events has told since it was asked last."""
        return [json.loads(message["Body"]) for message in _taken(self._heard)]

    def stop(self) -> None:
        """Ends every function."""
        for function in self.running.values():
            function.stop()

    def _take(self, service: str) -> int:
        queue, count = self._queues[service], 0
        for message in _taken(queue):
            answer = self.invoke(service, brought(message, queue_arn=queue.arn))
            assert answer == DONE, self.running[service].log
            count += 1
        return count


def _taken(queue: SqsConsumer) -> Iterator[Any]:
    while messages := queue.receive(wait_seconds=0, visibility_seconds=60):
        for message in messages:
            yield message
            queue.delete(message)


def _listen(installation: Installation) -> str:
    """Makes a bus of the namespace's name, and a queue that hears everything on it."""
    name, client = installation.settings.namespace, events_client(installation.settings)
    client.create_event_bus(Name=name)
    pattern = json.dumps({"detail-type": ["CourseVersionRegistered", "IngestFailed"]})
    client.put_rule(Name=name, EventBusName=name, EventPattern=pattern)
    installation.clients.sqs.create_queue(QueueName=f"{name}-heard")
    arn = SqsConsumer(installation.clients.sqs, f"{name}-heard").arn
    client.put_targets(Rule=name, EventBusName=name, Targets=[{"Id": "queue", "Arn": arn}])
    return f"{name}-heard"


def _is_of(message: Any, ingest: str) -> bool:
    return StepMessage.model_validate_json(message["Body"]).ingest == ingest


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Functions]:
    scratch = tmp_path_factory.mktemp("functions")
    second = Location(id="second", bucket=f"second-{uuid.uuid4().hex}", required=False)
    with running_mongod(scratch / "mongod") as uri, running_embedded_aws() as endpoint:
        client: MongoClient[Document] = MongoClient(uri)
        database = client["edxapp"]
        database["fs.chunks"].create_index([("files_id", 1), ("n", 1)], unique=True)
        with made_installation(uri, database, endpoint) as installation:
            installation.configure(second)
            made = Functions(installation, scratch)
            yield made
            made.stop()
        client.close()


def saved(functions: Functions) -> CourseId:
    """A course of this test's own, with content in the source."""
    course = CourseId.parse(f"course-v1:Org1+CS{uuid.uuid4().hex[:8]}+R1")
    for name, content in FILES.items():
        functions.installation.save(course, name, content)
    return course


def copied(functions: Functions, course: CourseId, location: str) -> dict[str, bytes]:
    """Name → bytes of a course's first version, as they lie there."""
    wiring = functions.installation.wiring
    where = wiring.locations[location]
    reader, prefix = wiring.reader(where), where.version_prefix(course, "v1")
    entries = functions.installation.entries(course)
    return {one.source.name: b"".join(reader.read(prefix + one.key)) for one in entries}


def test_a_course_is_found_copied_verified_and_registered(functions: Functions) -> None:
    course = saved(functions)
    assert functions.invoke("planner", recorded("schedule")) == DONE
    functions.work()
    assert functions.ask("GET", f"/courses/{course}")["status"]["id"] == "not-migrated"

    ended = functions.work_until(functions.ingest(course), status="succeeded")

    assert ended["progress"]["percent"] == 100
    assert copied(functions, course, "primary") == FILES
    [event] = [one for one in functions.heard() if one["detail"]["course"] == str(course)]
    assert event["detail-type"] == "CourseVersionRegistered"


def test_a_cold_course_is_brought_elsewhere_as_soon_as_its_restores_are_done(
    functions: Functions,
) -> None:
    course, installation = saved(functions), functions.installation
    installation.backfill(course)
    where = {"bucket": installation.wiring.primary.bucket, "storageClass": "DEEP_ARCHIVE"}
    prefix = {"prefix": f"courses/{course}/v1/assets/"}
    httpx.post(f"{installation.endpoint}/_archive", json=where | prefix).raise_for_status()
    source = {"provider": {"id": "amazon-s3"}}
    ingest = functions.ingest(course, sourceLocation=source, locations=["second"])
    functions.work()
    assert functions.ask("GET", f"/ingests/{ingest}")["stage"] == "warming"

    completed = deepcopy(recorded("restore-completed"))
    completed["detail"]["bucket"]["name"] = where["bucket"]
    completed["detail"]["object"]["key"] = f"{prefix['prefix']}syllabus.pdf"
    assert functions.invoke("warmer", completed) == DONE

    functions.work_until(ingest, status="succeeded")
    assert copied(functions, course, "second") == FILES


def test_a_dead_letter_fails_its_ingest(functions: Functions) -> None:
    course, installation = saved(functions), functions.installation
    installation.wiring.courses.add(course)
    ingest = functions.ingest(course)
    namespace, sqs = installation.settings.namespace, installation.clients.sqs
    lost = SqsConsumer(sqs, dead_letters_name(namespace, "planner"))
    sent = _taken(SqsConsumer(sqs, queue_name(namespace, "planner")))
    [message] = [one for one in sent if _is_of(one, ingest)]

    letter = brought(message, queue_arn=lost.arn, name="dead-letter")
    assert functions.invoke("janitor", letter) == DONE
    functions.work_until(ingest, status="failed")

    [told] = functions.ask("GET", "/dead-letters")["results"]
    assert told["ingest"] == ingest
    [event] = [one for one in functions.heard() if one["detail"]["course"] == str(course)]
    assert (event["detail-type"], event["detail"]["stage"]) == ("IngestFailed", "accepted")


def test_functions_find_the_standard_library_and_the_package_alone(functions: Functions) -> None:
    functions.ask("GET", "/health")
    [*standard, last] = functions.running[API].path
    assert last == str(functions.code)
    assert all(one.startswith(sys.base_prefix) for one in standard)
    assert not any("site-packages" in one for one in standard)
