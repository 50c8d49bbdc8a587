"""The one message type of the pipeline; everything else is in DynamoDB or the work bucket."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import StringConstraints

from course_backfill.records import Record

MAX_INGEST = 200
"""Longer is no id of ours, and perhaps no key."""


class Step(StrEnum):
    """The steps of the pipeline, in its order; a step's messages go to its service's queue."""

    DISCOVER = "discover"
    PLAN = "plan"
    WARM = "warm"
    REPLICATE = "replicate"
    VERIFY = "verify"
    AGGREGATE = "aggregate"
    REGISTER = "register"
    ROLL_BACK = "roll-back"
    NOTIFY = "notify"

    @property
    def service(self) -> str:
        """The service that does the step; also the middle of its queue's name."""
        return SERVICE_OF_STEP[self]


SERVICE_OF_STEP = {
    Step.DISCOVER: "planner",
    Step.PLAN: "planner",
    Step.WARM: "warmer",
    Step.REPLICATE: "replicator",
    Step.VERIFY: "verifier",
    Step.AGGREGATE: "aggregator",
    Step.REGISTER: "register",
    Step.ROLL_BACK: "janitor",
    Step.NOTIFY: "notifier",
}

SERVICES = tuple(dict.fromkeys(SERVICE_OF_STEP.values()))
"""The workers, in pipeline order."""
READS_MONGODB = ("planner", "replicator", "verifier")
"""The workers that nothing can be done by without the source."""


class StepMessage(Record):
    """Asks for one step of one ingest; can be made again from the state at any time.

    `ingest` is the discovery's id for `discover`. `packet` is absent where the step concerns the
    replica as a whole. No name of a file ever travels in a message.
    """

    ingest: Annotated[str, StringConstraints(min_length=1, max_length=MAX_INGEST)]
    epoch: int
    step: Step
    replica: str | None = None
    packet: int | None = None

    @property
    def about(self) -> dict[str, Any]:
        """What log lines of its work name."""
        return {
            "ingest_id": self.ingest,
            "step": self.step.value,
            "replica": self.replica,
            "packet": self.packet,
        }
