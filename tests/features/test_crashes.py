"""Real worker processes are killed, paused and replaced; nothing is lost, nothing is left."""

from __future__ import annotations

import random

import pytest

from course_backfill.ingests import IngestStatus
from course_backfill.stores.read_shares import KEY
from course_backfill.uploads import PART_BYTES
from tests.features.installation import COURSE, Installation, wait_until

MIB = 1024 * 1024


def files(count: int) -> dict[str, bytes]:
    content = random.Random(7)  # noqa: S311 - Any bytes do, the same in every run.
    return {f"file {number}.bin": content.randbytes(20_000 + number) for number in range(count)}


def begin(installation: Installation, contents: dict[str, bytes]) -> str:
    for name, content in contents.items():
        installation.save(COURSE, name, content)
    return installation.start()


def copied(installation: Installation) -> dict[str, bytes]:
    return {entry.source.name: installation.read(entry) for entry in installation.entries()}


def test_a_worker_killed_in_the_middle_of_a_packet_is_replaced(installation: Installation) -> None:
    contents = files(60)
    installation.fault(service="s3", operation="PutObject", key="file 40", delay=30, status=503)
    ingest = begin(installation, contents)
    victim = installation.work()
    wait_until(lambda: len(installation.stored()) >= 20)
    victim.kill()
    installation.heal()
    assert not installation.wiring.ingests.get(ingest).status.is_end
    installation.work()
    assert installation.ended(ingest).status is IngestStatus.SUCCEEDED
    assert copied(installation) == contents
    packet = installation.wiring.packets.get(ingest, "primary", 0)
    assert packet.attempts >= 2


def test_a_worker_that_is_stopped_leaves_after_its_grace_whatever_it_waits_for(
    installation: Installation,
) -> None:
    slow = {"source_bytes_per_second": 100_000}
    installation.settings = installation.settings.model_copy(update=slow)
    begin(installation, {"large.bin": bytes(PART_BYTES + 1)})
    worker = installation.work(grace_seconds=1)
    wait_until(lambda: installation.wiring.state.get(KEY))
    # It has minutes to read, in a thread that Python would wait for.
    assert worker.end(within=5) == 0


def test_after_a_kill_a_large_file_goes_on_from_its_parts(installation: Installation) -> None:
    contents = {"large.bin": random.Random(8).randbytes(50 * MIB)}  # noqa: S311 - As above.
    bucket = installation.wiring.primary.bucket
    s3 = installation.clients.s3
    installation.fault(service="s3", operation="CompleteMultipartUpload", delay=30, status=503)
    ingest = begin(installation, contents)
    victim = installation.work()

    def parts() -> list[tuple[int, object]]:
        uploads = s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
        return [
            (part["PartNumber"], part["LastModified"])
            for upload in uploads
            for part in s3.list_parts(
                Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"]
            ).get("Parts", [])
        ]

    wait_until(lambda: len(parts()) >= 5)
    victim.kill()
    installation.heal()
    before = parts()
    installation.fault(service="s3", operation="UploadPart", status=500, code="Never", times=1)
    installation.work()
    assert installation.ended(ingest).status is IngestStatus.SUCCEEDED
    assert copied(installation) == contents
    assert len(before) >= 5
    assert s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []


@pytest.mark.parametrize("service", ["planner", "verifier", "aggregator", "register"])
def test_any_other_worker_may_be_killed_too(installation: Installation, service: str) -> None:
    operations = {
        "planner": ("s3", "PutObject", "inventory"),
        "verifier": ("s3", "GetObject", "file 3"),
        "aggregator": ("s3", "PutObject", "manifest.json"),
        "register": ("dynamodb", "TransactWriteItems", "VERSION#"),
    }
    where, operation, key = operations[service]
    installation.fault(service=where, operation=operation, key=key, delay=30, status=500)
    contents = files(6)
    ingest = begin(installation, contents)
    others = [name for name in (*operations, "replicator", "janitor") if name != service]
    installation.work(*others)
    victim = installation.work(service)
    stage = {
        "planner": "planning",
        "verifier": "verifying",
        "aggregator": "aggregating",
        "register": "registering",
    }[service]
    wait_until(lambda: installation.wiring.ingests.get(ingest).stage == stage)
    victim.kill()
    installation.heal()
    installation.work(service)
    assert installation.ended(ingest).status is IngestStatus.SUCCEEDED
    assert copied(installation) == contents


def test_a_worker_that_wakes_up_late_cannot_commit(installation: Installation) -> None:
    contents = files(30)
    installation.fault(service="s3", operation="PutObject", key="file 20", delay=3, status=503)
    ingest = begin(installation, contents)
    sleeper = installation.work("planner", "replicator")
    wait_until(lambda: len(installation.stored()) >= 10)
    sleeper.pause()
    installation.heal()
    installation.work()
    assert installation.ended(ingest).status is IngestStatus.SUCCEEDED
    sleeper.resume()
    wait_until(lambda: _queue_is_empty(installation))
    assert copied(installation) == contents
    replica = installation.wiring.packets.replica(ingest, "primary")
    assert replica.packets_copied == replica.packets == 1


def test_a_worker_killed_during_rollback_leaves_nothing(installation: Installation) -> None:
    contents = files(10)
    raw_id = installation.save(COURSE, "rotten.bin", b"was this")
    installation.database["fs.chunks"].update_one({"files_id": raw_id}, {"$set": {"data": b"that"}})
    installation.fault(service="s3", operation="DeleteObjects", delay=30, status=503)
    ingest = begin(installation, contents)
    victim = installation.work()
    wait_until(lambda: installation.wiring.ingests.get(ingest).stage == "rolling-back")
    victim.kill()
    installation.heal()
    installation.work()
    assert installation.ended(ingest).status is IngestStatus.FAILED
    assert installation.stored() == []


def _queue_is_empty(installation: Installation) -> bool:
    names = [f"{installation.settings.namespace}-{name}" for name in ("replicator", "verifier")]
    counts = [
        installation.clients.sqs.get_queue_attributes(
            QueueUrl=installation.clients.sqs.get_queue_url(QueueName=name)["QueueUrl"],
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
            ],
        )["Attributes"]
        for name in names
    ]
    return all(int(value) == 0 for one in counts for value in one.values())
