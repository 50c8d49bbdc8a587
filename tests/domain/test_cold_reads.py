"""A step that finds cold what it was to read waits until that can be there."""

from __future__ import annotations

from datetime import timedelta

import pytest

from course_backfill.clock import to_text
from course_backfill.cold_reads import wait_until_warm
from course_backfill.errors import ObjectCold
from course_backfill.messages import Step
from course_backfill.warming import Warming
from tests.generators import MORNING, create_ingest

PATIENCE = timedelta(days=4)
LATER = MORNING + timedelta(hours=5)


def create_warming(asked: int, ready_from_date: str | None) -> Warming:
    """Restores of one object that began in the morning."""
    return Warming(
        objects=1,
        bytes=1,
        asked=asked,
        started_date=to_text(MORNING),
        ready_from_date=ready_from_date,
    )


def test_what_was_asked_for_is_tried_when_it_can_be_there_and_not_asked_for_again() -> None:
    ingest = create_ingest(warming=create_warming(1, to_text(LATER)))
    waiting = wait_until_warm(ingest, ObjectCold("cold"), now=MORNING, patience=PATIENCE)
    assert (waiting.due, list(waiting.send), waiting.patience) == (LATER, [], PATIENCE)


@pytest.mark.parametrize(
    "warming",
    [None, create_warming(0, to_text(LATER)), create_warming(1, to_text(MORNING))],
    ids=["never warmed", "nothing is under way", "it should have been there"],
)
def test_the_warmer_is_sent_for_where_nothing_is_known_to_come(warming: Warming | None) -> None:
    ingest = create_ingest(warming=warming)
    waiting = wait_until_warm(ingest, ObjectCold("cold"), now=MORNING, patience=PATIENCE)
    assert waiting.due is None
    assert [one.step for one in waiting.send] == [Step.WARM]
