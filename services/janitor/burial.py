"""Takes dead letters in: records them, and ends the ingest that cannot go on without them."""

from __future__ import annotations

import logging

from course_backfill.dead_letters import DeadLetter, DeadLetterStore
from course_backfill.deliveries import Delivery
from course_backfill.errors import Conflict, Fenced
from course_backfill.failures import Failure
from course_backfill.ingest_states import is_current
from course_backfill.lifecycle import Lifecycle
from course_backfill.messages import Step, StepMessage
from course_backfill.metrics import DEAD_LETTERS
from course_backfill.ports import Meter
from course_backfill.stores.discoveries import DiscoveryStore
from course_backfill.stores.ingests import IngestStore

logger = logging.getLogger(__name__)

NEVER_FATAL = frozenset({Step.NOTIFY, Step.ROLL_BACK})
"""A callback has its own retries; a rollback is sent again by its watch until it succeeds."""


class Burial:
    """A message out of receives ends its ingest as failed, with the reason, and stays visible."""

    def __init__(
        self,
        *,
        dead_letters: DeadLetterStore,
        ingests: IngestStore,
        discoveries: DiscoveryStore,
        meter: Meter,
        lifecycle: Lifecycle,
    ) -> None:
        self._dead_letters = dead_letters
        self._ingests = ingests
        self._discoveries = discoveries
        self._meter = meter
        self._lifecycle = lifecycle

    def bury(self, delivered: Delivery) -> None:
        """Records what arrived on a dead-letter queue and does what follows from it."""
        message = delivered.message
        letter = self._dead_letters.bury(
            delivered.message_id,
            service=delivered.service,
            message=message,
            receives=delivered.receives - 1,  # The last one brought it here, and did not fail.
        )
        logger.error(
            "dead letter",
            extra={"queue": delivered.queue, "ingest_id": letter.ingest, "error": letter.error},
        )
        if isinstance(message, StepMessage):
            self._end(message, letter)
        self._meter.emit({DEAD_LETTERS: 1})

    def _end(self, message: StepMessage, letter: DeadLetter) -> None:
        detail = f"the {letter.service} failed {letter.receives} times: {letter.error}"
        if message.step is Step.DISCOVER:
            failure = Failure.of_ingest("dead-letter", detail, stage="discovering")
            self._discoveries.fail(message.ingest, failure)
            return
        ingest = self._ingests.find(message.ingest)
        if ingest is None or message.step in NEVER_FATAL or not is_current(ingest, message):
            return
        failure = Failure.of_ingest("dead-letter", detail, stage=ingest.standing)
        try:
            self._lifecycle.fail(ingest, failure)
        except (Fenced, Conflict) as late:
            logger.info("dead letter changes nothing: %s", late)
