"""What estimates say of requests is what real ingests ask, counted where they arrive."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cached_property
from typing import Any

import pytest

from benchmarks.state_requests import Installation
from benchmarks.worker import Messages, QueuelessWiring, accept
from course_backfill.adapters.memory_contentstore import MemoryContentstore
from course_backfill.adapters.memory_source import MemorySource
from course_backfill.adapters.setup import create_resources
from course_backfill.courses import CourseId
from course_backfill.estimation import requests
from course_backfill.estimation.estimates import Workload
from course_backfill.estimation.plans import EstimatePlan
from course_backfill.estimation.workloads import WorkloadCount
from course_backfill.local.embedded_aws import application
from course_backfill.local.embedded_aws.operations import Operation, operation_of
from course_backfill.locations import Location
from course_backfill.messages import StepMessage
from course_backfill.settings import Settings

COURSE = CourseId.parse("course-v1:Org1+CS101+R1")
MIB = 2**20
PACKET = 10
WRITES = {
    "PutObject",
    "CopyObject",
    "CreateMultipartUpload",
    "UploadPart",
    "UploadPartCopy",
    "CompleteMultipartUpload",
}
LISTS = {"ListObjectsV2", "ListMultipartUploads"}
READS = {"GetObject", "HeadObject"}

SMALL = [100] * 36
SOME_LARGE = [*([100] * 10), 20 * MIB, 70 * MIB]

CASES = {
    "one packet": ([100] * 6, (), "bytes"),
    "several packets": (SMALL, (), "bytes"),
    "large files": (SOME_LARGE, (), "bytes"),
    "verified by checksums": (SOME_LARGE, (), "checksums"),
    "a second location": (SMALL, ("STANDARD",), "bytes"),
    "two further locations": (SMALL, ("STANDARD", "STANDARD_IA"), "bytes"),
    "large files in a second location": (SOME_LARGE, ("STANDARD",), "bytes"),
    "an archive": (SOME_LARGE, ("GLACIER",), "bytes"),
    "another endpoint": (SOME_LARGE, ("streamed",), "bytes"),
}


class CountedMessages(Messages):
    """Says how many were sent."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def send(self, messages: Sequence[StepMessage]) -> None:
        self.count += len(messages)
        super().send(messages)


class SourcedWiring(QueuelessWiring):
    """On the embedded AWS, with content in memory."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.content = MemoryContentstore()

    @cached_property
    def source(self) -> MemorySource:  # type: ignore[override]  # The twin of MongoDB's.
        return MemorySource(self.content)

    @cached_property
    def messages(self) -> CountedMessages:  # type: ignore[override]  # The twin of SQS's.
        return CountedMessages()


@pytest.fixture
def arriving(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[str, str]]:
    """(operation, bucket) of every request that arrives at the embedded AWS."""
    counts: Counter[tuple[str, str]] = Counter()

    def counting(*request: Any) -> Operation:
        found = operation_of(*request)
        counts[found.name, found.bucket] += 1
        return found

    monkeypatch.setattr(application, "operation_of", counting)
    return counts


@pytest.fixture
def small_packets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("course_backfill.packets.MAX_PACKET_OBJECTS", PACKET)


def settings_of(endpoint: str, classes: Sequence[str], verify: str) -> Settings:
    namespace = f"count-{uuid.uuid4().hex[:12]}"
    others = [
        Location(id=f"other-{number}", bucket=f"{namespace}-{number}", endpoint_url=endpoint)
        if storage_class == "streamed"
        else Location.model_validate(
            {
                "id": f"other-{number}",
                "bucket": f"{namespace}-{number}",
                "storageClass": storage_class,
            }
        )
        for number, storage_class in enumerate(classes)
    ]
    return Settings.model_validate(
        {
            "aws_endpoint_url": endpoint,
            "aws_region": "us-east-1",
            "namespace": namespace,
            "verify": verify,
            "locations": (Location(bucket=f"{namespace}-primary"), *others),
        }
    )


def count_items(wiring: SourcedWiring) -> Counter[str]:
    """What transactions put, update, check and delete from now on."""
    items: Counter[str] = Counter()

    def count(params: dict[str, Any], **_: object) -> None:
        for one in params["TransactItems"]:
            items.update(list(one))

    events = wiring.clients.dynamodb.meta.events
    events.register("provide-client-params.dynamodb.TransactWriteItems", count)
    return items


def save(wiring: SourcedWiring, sizes: Sequence[int]) -> None:
    """Puts files of these sizes into the course."""
    for number, size in enumerate(sizes):
        wiring.content.save(COURSE, f"file-{number}", bytes(size))


def counted(arriving: Counter[tuple[str, str]], bucket: str) -> requests.BucketRequests:
    """What has arrived at a bucket."""
    kinds = (sum(arriving[name, bucket] for name in names) for names in (WRITES, LISTS, READS))
    return requests.BucketRequests(*kinds)


@pytest.mark.usefixtures("small_packets")
@pytest.mark.parametrize("case", CASES)
def test_an_ingest_asks_as_often_as_is_estimated(
    aws_endpoint: str, arriving: Counter[tuple[str, str]], case: str
) -> None:
    sizes, classes, verify = CASES[case]
    settings = settings_of(aws_endpoint, classes, verify)
    with course_of(sizes, settings) as wiring:
        items = count_items(wiring)
        arriving.clear()
        locations = tuple(wiring.locations)
        Installation(wiring).complete(accept(wiring, COURSE, locations=locations))
        sent = wiring.messages.count
    work, plan = workload(sizes), plan_of(settings, reads_source=True)
    assert {one: counted(arriving, one) for one in buckets(settings)} == asked_for(
        work, plan, settings
    )
    assert sent == requests.messages(work, plan)
    assert_state(work, plan, items, arriving)


@pytest.mark.usefixtures("small_packets")
@pytest.mark.parametrize("case", ["a second location", "two further locations", "an archive"])
def test_an_ingest_between_locations_asks_as_often_as_is_estimated(
    aws_endpoint: str, arriving: Counter[tuple[str, str]], case: str
) -> None:
    sizes, classes, verify = CASES[case]
    settings = settings_of(aws_endpoint, classes, verify)
    with course_of(sizes, settings) as wiring:
        installation = Installation(wiring)
        installation.complete(accept(wiring, COURSE))
        items = count_items(wiring)
        arriving.clear()
        before = wiring.messages.count
        others = tuple(wiring.locations)[1:]
        installation.complete(accept(wiring, COURSE, provider="amazon-s3", locations=others))
        sent = wiring.messages.count - before
    work, plan = workload(sizes), plan_of(settings, reads_source=False)
    assert {one: counted(arriving, one) for one in buckets(settings)} == asked_for(
        work, plan, settings
    )
    assert sent == requests.messages(work, plan)
    assert_state(work, plan, items, arriving)


@contextmanager
def course_of(sizes: Sequence[int], settings: Settings) -> Iterator[SourcedWiring]:
    """An installation with a course of such objects; nothing is copied yet."""
    with closing(SourcedWiring(settings)) as wiring:
        create_resources(settings, wiring.clients)
        wiring.courses.add(COURSE)
        save(wiring, sizes)
        yield wiring


def buckets(settings: Settings) -> list[str]:
    """All of the installation."""
    return [settings.work_bucket, *(one.bucket for one in settings.locations)]


def asked_for(
    work: Workload, plan: EstimatePlan, settings: Settings
) -> dict[str, requests.BucketRequests]:
    """What each bucket is asked, as estimates say."""
    return {
        settings.work_bucket: requests.work_requests(work, plan),
        settings.primary.bucket: requests.primary_requests(work, plan),
    } | {
        one.bucket: requests.location_requests(work, other, plan)
        for one, other in zip(settings.locations[1:], plan.others, strict=True)
    }


def assert_state(
    work: Workload,
    plan: EstimatePlan,
    items: Counter[str],
    arriving: Counter[tuple[str, str]],
) -> None:
    """That DynamoDB was asked to write as much as estimates say, and to read hardly less."""
    expected = requests.state_items(work, plan)
    assert dict(items) == {
        "Put": expected.puts,
        "Update": expected.updates,
        "ConditionCheck": expected.checks,
        "Delete": expected.deletes,
    }
    reads = arriving["GetItem", ""] + arriving["Query", ""]
    assert reads <= expected.reads <= 1.5 * reads + 20


def plan_of(settings: Settings, *, reads_source: bool) -> EstimatePlan:
    """The way into all locations, or from the primary to all others."""
    return EstimatePlan.of(
        settings.locations,
        source=settings.primary,
        reads_source=reads_source,
        verify=settings.verify,
        region=settings.aws_region,
    )


def workload(sizes: Sequence[int]) -> Workload:
    """The same course as estimates see it."""
    count = WorkloadCount()
    for size in sizes:
        count.add(size)
    return count.workload()
