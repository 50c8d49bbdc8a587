"""SQS may deliver anything twice and at any time: the end is the same."""

from __future__ import annotations

import time

from course_backfill.ingests import IngestStatus
from course_backfill.messages import Step, StepMessage
from course_backfill.resources import Resources
from tests.features.installation import COURSE, Installation, wait_until

MIB = 1024 * 1024
STEPS = [Step.PLAN, Step.REPLICATE, Step.VERIFY, Step.AGGREGATE, Step.REGISTER, Step.ROLL_BACK]


def every_message(installation: Installation, ingest: str) -> list[StepMessage]:
    """Whatever may ever have been sent for the ingest, packet by packet and as a whole."""
    epoch = installation.wiring.ingests.get(ingest).epoch
    packets = [one.number for one in installation.wiring.packets.packets(ingest, "primary")]
    return [
        StepMessage(ingest=ingest, epoch=number, step=step, replica="primary", packet=packet)
        for number in range(1, epoch + 1)
        for step in STEPS
        for packet in (None, *packets)
    ]


def are_empty(installation: Installation) -> bool:
    """Whether nothing is waiting or in hand in any queue."""
    sqs = installation.clients.sqs
    for queue in Resources.of(installation.settings).queues:
        url = sqs.get_queue_url(QueueName=queue.name)["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        waiting = found["ApproximateNumberOfMessages"]
        if int(waiting) + int(found["ApproximateNumberOfMessagesNotVisible"]):
            return False
    return True


def test_messages_that_keep_coming_while_a_course_is_copied_change_nothing(
    installation: Installation,
) -> None:
    contents = {f"file{number}.bin": b"%d" % number * 1_000 for number in range(40)}
    contents |= {f"large{number}.bin": bytes([number]) * 90 * MIB for number in range(3)}
    for name, content in contents.items():
        installation.save(COURSE, name, content)
    ingest = installation.start()
    for _ in range(2):
        installation.work(concurrency=2)

    def repeats_and_ended() -> bool:
        installation.wiring.messages.send(every_message(installation, ingest))
        time.sleep(0.3)
        return installation.wiring.ingests.get(ingest).status.is_end

    wait_until(repeats_and_ended)

    assert installation.wiring.ingests.get(ingest).status is IngestStatus.SUCCEEDED
    assert {one.source.name: installation.read(one) for one in installation.entries()} == contents
    assert len(installation.stored()) == len(contents) + 3
    assert installation.wiring.courses.get(str(COURSE)).last_version_number == 1


def test_messages_that_come_again_after_the_end_change_nothing(installation: Installation) -> None:
    installation.save(COURSE, "a.txt", b"alpha")
    installation.work()
    ended = installation.ended(installation.start())
    course = installation.wiring.courses.get(str(COURSE))
    stored = sorted(installation.stored())

    installation.wiring.messages.send(every_message(installation, ended.id))
    wait_until(lambda: are_empty(installation))

    assert installation.wiring.ingests.get(ended.id) == ended
    assert installation.wiring.courses.get(str(COURSE)) == course
    assert sorted(installation.stored()) == stored
    assert installation.wiring.dead_letters.listing(limit=10)[0] == []
