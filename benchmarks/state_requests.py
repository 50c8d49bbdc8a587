"""How many requests to DynamoDB an ingest makes: the real services, message by message."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from benchmarks.content import Content
from benchmarks.worker import FULL, QueuelessWiring, accept
from course_backfill.adapters.lambda_batch import Handles
from course_backfill.adapters.setup import create_resources
from course_backfill.ingests import IngestStatus
from course_backfill.settings import Settings
from services.aggregator.handler import build_step as build_aggregator_step
from services.janitor.wiring import build_sweeper
from services.planner.handler import build_step as build_planner_step
from services.register.handler import build_step as build_register_step
from services.replicator.handler import build_step as build_replicator_step
from services.verifier.handler import build_step as build_verifier_step
from services.warmer.handler import build_step as build_warmer_step

RESTORE_SECONDS = 15
"""What a restore takes here: long enough for several looks."""


@dataclass(frozen=True, slots=True)
class StateRequests:
    """Requests by the operation of DynamoDB, each attempt counted, while something was done."""

    work: str
    objects: int
    requests: dict[str, int]

    @property
    def per_thousand(self) -> float:
        """Requests for 1,000 objects."""
        return sum(self.requests.values()) / self.objects * 1000

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "work": self.work,
            "objects": self.objects,
            "requests": self.requests,
            "requestsPerThousandObjects": self.per_thousand,
        }


class Installation:
    """Tables on the embedded AWS, queues in memory, and every service that an ingest needs."""

    def __init__(self, wiring: QueuelessWiring) -> None:
        self.wiring = wiring
        create_resources(wiring.settings, wiring.clients)
        self._steps: dict[str, Handles] = {
            "planner": build_planner_step(wiring),
            "replicator": build_replicator_step(wiring),
            "verifier": build_verifier_step(wiring),
            "aggregator": build_aggregator_step(wiring),
            "register": build_register_step(wiring),
            "warmer": build_warmer_step(wiring),
        }
        self._sweeper = build_sweeper(wiring)

    def deliver(self) -> None:
        """Delivers every message until there are none."""
        while messages := self.wiring.messages.take():
            for message in messages:
                self._steps[message.step.service].handle(message)

    def wait(self, seconds: float) -> None:
        """Lets time pass, and sends what has become due meanwhile."""
        time.sleep(seconds)
        self._sweeper.sweep()

    def complete(self, ingest: str) -> None:
        """Delivers every message until there are none; raises RuntimeError unless it succeeded."""
        self.deliver()
        done = self.wiring.ingests.get(ingest)
        if done.status is not IngestStatus.SUCCEEDED:
            raise RuntimeError(f"the ingest did not succeed: {done.failure or done.status}")

    @contextmanager
    def counted(self) -> Iterator[Counter[str]]:
        """Counts the requests to DynamoDB in the block, by operation."""
        counts: Counter[str] = Counter()

        def count(event_name: str, **_: object) -> None:
            counts[event_name.rpartition(".")[2]] += 1

        events = self.wiring.clients.dynamodb.meta.events
        events.register("before-send.dynamodb", count)
        try:
            yield counts
        finally:
            events.unregister("before-send.dynamodb", count)


def count_location_backfill(content: Content, wiring: QueuelessWiring) -> StateRequests:
    """Backfills a course, and counts while its version is brought to one location more."""
    installation = Installation(wiring)
    wiring.courses.add(content.course)
    installation.complete(accept(wiring, content.course))
    with installation.counted() as requests:
        installation.complete(
            accept(wiring, content.course, provider="amazon-s3", locations=(FULL,))
        )
    return StateRequests("location backfill", content.files, dict(requests))


def count_warming(
    content: Content, wiring: QueuelessWiring, tell: Callable[[str], None]
) -> StateRequests:
    """Archives a course that `count_location_backfill` left, and counts while it is warmed."""
    installation = Installation(wiring)
    _order(wiring, "_restores", seconds=RESTORE_SECONDS)
    where = wiring.primary.version_prefix(content.course, "v1") + "assets/"
    bucket = wiring.primary.bucket
    _order(wiring, "_archive", bucket=bucket, prefix=where, storageClass="GLACIER")
    with installation.counted() as requests:
        ingest = accept(wiring, content.course, ingest_type="warm-course")
        installation.deliver()
    while not wiring.ingests.get(ingest).status.is_end:
        tell(f"{content.title}: waiting until they are restored")
        # Sweeping is not counted: it asks as often for no ingest at all.
        installation.wait(wiring.settings.restore_poll_seconds)
        with installation.counted() as more:
            installation.deliver()
        requests += more
    installation.complete(ingest)
    return StateRequests("warming", content.files, dict(requests))


def warming_settings(settings: Settings) -> Settings:
    """Restores asked for as fast as S3 takes them, and looked at often."""
    hurry = {
        "restore_requests_per_second": 1_000,
        "restore_first_look_seconds": 2,
        "restore_poll_seconds": 2,
    }
    return settings.model_copy(update=hurry)


def _order(wiring: QueuelessWiring, order: str, **fields: object) -> None:
    answer = httpx.post(f"{wiring.settings.aws_endpoint_url}/{order}", json=fields)
    answer.raise_for_status()
