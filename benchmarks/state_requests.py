"""How many requests to DynamoDB an ingest makes: the real services, message by message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.content import Content
from benchmarks.worker import FULL, QueuelessWiring, accept
from course_backfill.adapters.lambda_batch import Handles
from course_backfill.adapters.setup import create_resources
from course_backfill.ingests import IngestStatus
from services.aggregator.handler import build_step as build_aggregator_step
from services.planner.handler import build_step as build_planner_step
from services.register.handler import build_step as build_register_step
from services.replicator.handler import build_step as build_replicator_step
from services.verifier.handler import build_step as build_verifier_step


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
        }

    def complete(self, ingest: str) -> None:
        """Delivers every message until there are none; raises RuntimeError unless it succeeded."""
        while messages := self.wiring.messages.take():
            for message in messages:
                self._steps[message.step.service].handle(message)
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
        installation.complete(accept(wiring, content.course, provider="amazon-s3", location=FULL))
    return StateRequests("location backfill", content.files, dict(requests))
