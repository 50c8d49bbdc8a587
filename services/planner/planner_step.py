"""The planner's queue holds two kinds of messages: discoveries and ingests to plan."""

from __future__ import annotations

from course_backfill.ingest_step import IngestStep
from course_backfill.messages import Step, StepMessage
from services.planner.discovery import Discoverer


class PlannerStep:
    """Gives each message to the one that can do it."""

    def __init__(self, discoverer: Discoverer, ingest_step: IngestStep) -> None:
        self._discoverer = discoverer
        self._ingest_step = ingest_step

    def handle(self, message: StepMessage) -> None:
        """Does what the message asks; anything unexpected comes through."""
        if message.step is Step.DISCOVER:
            self._discoverer.answer(message.ingest)
        else:
            self._ingest_step.handle(message)
