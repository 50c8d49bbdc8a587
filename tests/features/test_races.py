"""Many at once, on DynamoDB's own conditions: exactly one wins, and nothing is half done."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from course_backfill.errors import ConditionFailed, Conflict, Fenced
from course_backfill.ingests import IngestStatus
from course_backfill.messages import Step, StepMessage
from services.aggregator.handler import build_step as build_aggregator
from services.janitor.handler import build_step as build_janitor
from services.planner.handler import build_step as build_planner
from services.register.handler import build_step as build_register
from services.replicator.handler import build_step as build_replicator
from services.verifier.handler import build_step as build_verifier
from tests.features.installation import COURSE, Installation


def test_of_many_ingests_of_a_course_one_is_accepted(installation: Installation) -> None:
    installation.wiring.courses.add(COURSE)

    def attempt(_: int) -> str | None:
        try:
            return installation.start()
        except (Conflict, ConditionFailed):
            return None

    with ThreadPoolExecutor(8) as pool:
        accepted = [one for one in pool.map(attempt, range(16)) if one]
    assert len(accepted) == 1
    assert installation.wiring.courses.get(str(COURSE)).active_ingest == accepted[0]
    everything, _ = installation.wiring.ingests.listing(course=str(COURSE), limit=100)
    assert [one.id for one in everything] == accepted


@pytest.mark.parametrize("attempt", range(5))
def test_cancel_and_register_have_one_winner(installation: Installation, attempt: int) -> None:
    installation.save(COURSE, "a.txt", b"alpha")
    ingest = installation.start()
    message = StepMessage(ingest=ingest, epoch=1, step=Step.PLAN)
    wiring = installation.wiring
    build_planner(wiring).handle(message)
    primary = message.model_copy(update={"replica": "primary"})
    packet = primary.model_copy(update={"step": Step.REPLICATE, "packet": 0})
    build_replicator(wiring).handle(packet)
    build_verifier(wiring).handle(packet.model_copy(update={"step": Step.VERIFY}))
    build_verifier(wiring).handle(primary.model_copy(update={"step": Step.VERIFY}))
    build_aggregator(wiring).handle(message.model_copy(update={"step": Step.AGGREGATE}))
    register = build_register(wiring)

    def cancel() -> bool:
        try:
            wiring.lifecycle.cancel(ingest, by="operator")
        except (Conflict, Fenced):
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        order = [
            cancel,
            lambda: register.handle(message.model_copy(update={"step": Step.REGISTER})),
        ]
        first, second = [pool.submit(one) for one in (order if attempt % 2 else order[::-1])]
        first.result()
        second.result()
    current = wiring.ingests.get(ingest)
    versions = wiring.courses.versions(str(COURSE))
    if current.status is IngestStatus.SUCCEEDED:
        assert [one.id for one in versions] == ["v1"]
        assert installation.read(installation.entries()[0]) == b"alpha"
        return
    assert versions == []
    roll_back = StepMessage(ingest=ingest, epoch=current.epoch, step=Step.ROLL_BACK)
    build_janitor(wiring).handle(roll_back)
    assert wiring.ingests.get(ingest).status is IngestStatus.CANCELLED
    assert installation.stored() == []
    assert wiring.courses.get(str(COURSE)).active_ingest is None
