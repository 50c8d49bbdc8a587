"""Workers of a machine that take the MongoDB URI from a secret, and announce ends on a bus."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from course_backfill.adapters.aws_clients import events_client, secrets_client
from course_backfill.domain_events import SOURCE
from course_backfill.ingests import IngestStatus
from course_backfill.notifications import CallbackStatus
from tests.features.installation import COURSE, Installation, wait_until
from tests.features.parts import running
from tests.features.served import run_command

PASSWORD = "hunter2-hunter2"


@dataclass
class OnAws:
    """An installation whose settings hold no secret, and a queue that listens to its bus."""

    installation: Installation
    queue: str

    @classmethod
    def of(cls, installation: Installation) -> OnAws:
        clients, name = installation.clients, f"{installation.settings.namespace}-events"
        uri = installation.settings.mongo_uri
        assert uri
        secrets_client(installation.settings).create_secret(
            Name=name, SecretString=json.dumps({"uri": uri.get_secret_value()})
        )
        bus = events_client(installation.settings)
        bus.create_event_bus(Name=name)
        bus.put_rule(Name=name, EventBusName=name, EventPattern=json.dumps({"source": [SOURCE]}))
        queue = clients.sqs.create_queue(QueueName=name)["QueueUrl"]
        asked = clients.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        target = {"Id": "queue", "Arn": asked["Attributes"]["QueueArn"]}
        bus.put_targets(Rule=name, EventBusName=name, Targets=[target])  # type: ignore[list-item] # As AWS takes it.
        return cls(installation, queue)

    @property
    def settings(self) -> dict[str, str]:
        """As environment variables."""
        own = self.installation.settings
        return {
            "MONGO_URI_SECRET_NAME": f"{own.namespace}-events",
            "MONGO_DATABASE": self.installation.database.name,
            "AWS_ENDPOINT_URL": self.installation.endpoint,
            "AWS_REGION": "eu-west-1",
            "COURSE_BACKFILL_NAMESPACE": own.namespace,
            "COURSE_BACKFILL_EVENT_BUS": f"{own.namespace}-events",
        }

    def heard(self) -> list[tuple[str, str]]:
        """Type and ingest of what the bus told so far."""
        found = []
        sqs = self.installation.clients.sqs
        while received := sqs.receive_message(QueueUrl=self.queue).get("Messages", []):
            for one in received:
                event = json.loads(one["Body"])
                found.append((event["detail-type"], event["detail"]["ingest"]))
        return found


@pytest.fixture
def on_aws(installation: Installation) -> OnAws:
    return OnAws.of(installation)


def test_a_backfill_needs_no_uri_in_the_settings_and_its_end_is_announced(on_aws: OnAws) -> None:
    installation = on_aws.installation
    installation.save(COURSE, "a.txt", b"alpha")
    with running("work", **on_aws.settings):
        ingest = installation.start()
        ended = installation.ended(ingest)
        assert ended.status is IngestStatus.SUCCEEDED, ended.failure
        wait_until(lambda: is_announced(installation, ingest))
    assert on_aws.heard() == [("CourseVersionRegistered", ingest)]


def is_announced(installation: Installation, ingest: str) -> bool:
    told = installation.wiring.ingests.get(ingest).announcement
    return told is not None and told.status is CallbackStatus.SUCCEEDED


def test_a_check_reads_the_source_that_the_secret_names(on_aws: OnAws) -> None:
    on_aws.installation.save(COURSE, "a.txt", b"alpha")
    found = run_command("check", "--json", **on_aws.settings)
    named = {one["name"]: one["ok"] for one in found.document}
    assert named["contentstore"], found.out
    assert named[f"event bus {on_aws.settings['COURSE_BACKFILL_EVENT_BUS']}"]


def test_a_check_names_a_secret_that_is_not_there(on_aws: OnAws) -> None:
    outcome = run_command(
        "check", "--json", **on_aws.settings | {"MONGO_URI_SECRET_NAME": "backfill/nothing"}
    )
    assert outcome.code == 1
    [fault] = [one for one in outcome.document if one["name"] == "MongoDB"]
    assert "backfill/nothing" in fault["detail"]
    assert "there is no such secret: create it" in fault["detail"]


def test_serve_takes_the_uri_itself(on_aws: OnAws) -> None:
    outcome = run_command("serve", **on_aws.settings)
    assert outcome.code == 2
    assert outcome.err.startswith("MONGO_URI_SECRET_NAME: expected nothing: serve takes the URI")


def test_a_uri_and_its_secret_together_are_refused_by_name(on_aws: OnAws) -> None:
    both = on_aws.settings | {"MONGO_URI": f"mongodb://u:{PASSWORD}@db.example.org/"}
    outcome = run_command("work", **both)
    assert outcome.code == 2
    assert "MONGO_URI_SECRET_NAME: expected either this or MONGO_URI" in outcome.err
    assert PASSWORD not in outcome.err + outcome.out
