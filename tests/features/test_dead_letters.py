"""Messages that no worker survives, and those that none understands: on real queues and workers."""

from __future__ import annotations

from functools import partial
from typing import Literal

from course_backfill.dead_letters import NO_ERROR, DeadLetter
from course_backfill.ingests import Ingest, IngestStatus
from course_backfill.messages import Step
from course_backfill.resources import MAX_RECEIVES, dead_letters_name
from tests.features.installation import COURSE, Installation, wait_until


def letters(installation: Installation) -> list[DeadLetter]:
    return installation.wiring.dead_letters.listing(limit=10)[0]


def buried(installation: Installation, ingest: str) -> Ingest:
    """The ingest, once the janitor met its dead letter.

    It starts only then: before, it would send the message of a stalled ingest once more.
    """
    queue = dead_letters_name(installation.settings.namespace, "replicator")
    sqs = installation.clients.sqs
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    size: Literal["ApproximateNumberOfMessages"] = "ApproximateNumberOfMessages"

    def is_there() -> bool:
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[size])["Attributes"]
        return int(found[size]) == 1

    wait_until(is_there)
    installation.work("janitor")
    return installation.ended(ingest)


def redrive_then_retry(installation: Installation, letter: DeadLetter, ingest: str) -> Ingest:
    """Sends the letter again, which harms nothing, and goes on with the ingest that was kept."""
    installation.work()
    [redriven] = installation.wiring.dead_letters.redrive(by="operator", ids=frozenset({letter.id}))
    assert redriven.sent
    assert letters(installation) == []
    installation.wiring.lifecycle.retry(ingest, by="operator")
    return installation.ended(ingest)


def test_a_message_that_kills_its_worker_every_time_ends_its_ingest_and_can_be_sent_again(
    installation: Installation,
) -> None:
    """Nobody is left who could note an error: the queue alone counts."""
    installation.fault(service="s3", operation="PutObject", key="assets/", delay=60, times=99)
    installation.save(COURSE, "a.txt", b"alpha")
    ingest = installation.start(on_failure="keep")
    installation.work("planner")
    for attempt in range(1, MAX_RECEIVES + 1):
        victim = installation.work("replicator")
        wait_until(partial(_was_tried, installation, ingest, attempt))
        victim.kill()
    installation.work("replicator")
    ended = buried(installation, ingest)
    installation.heal()

    [letter] = letters(installation)
    assert ended.status is IngestStatus.FAILED
    assert ended.failure is not None
    assert ended.failure.code == "dead-letter"
    assert (letter.ingest, letter.service, letter.receives) == (ingest, "replicator", MAX_RECEIVES)
    assert letter.error == NO_ERROR
    retried = redrive_then_retry(installation, letter, ingest)
    assert retried.status is IngestStatus.SUCCEEDED
    assert [installation.read(entry) for entry in installation.entries()] == [b"alpha"]


def test_an_error_that_nobody_foresaw_is_told_by_the_dead_letter_and_the_ingest(
    installation: Installation,
) -> None:
    installation.fault(
        service="dynamodb",
        key="claimant",
        status=400,
        code="ValidationException",
        message="an attribute is wrong, password=hunter2",
        times=99,
    )
    # Its retries come as soon as the queue shows the message again, not minutes later.
    installation.fault(
        service="sqs",
        operation="ChangeMessageVisibility",
        status=403,
        code="AccessDenied",
        times=99,
    )
    installation.save(COURSE, "a.txt", b"alpha")
    ingest = installation.start(on_failure="keep")
    installation.work("planner", "replicator")
    ended = buried(installation, ingest)
    installation.heal()

    [letter] = letters(installation)
    assert ended.status is IngestStatus.FAILED
    assert ended.failure is not None
    assert ended.failure.code == "dead-letter"
    assert f"failed {MAX_RECEIVES} times" in ended.failure.detail
    assert "an attribute is wrong" in letter.error
    assert "hunter2" not in letter.error + ended.failure.detail
    assert letter.message is not None
    assert letter.message.step is Step.REPLICATE
    retried = redrive_then_retry(installation, letter, ingest)
    assert retried.status is IngestStatus.SUCCEEDED


def _was_tried(installation: Installation, ingest: str, times: int) -> bool:
    packets = installation.wiring.packets.packets(ingest, "primary")
    return any(packet.attempts >= times for packet in packets)
