"""Which messages still ask for something: by epoch, leg, stage and status of their ingest."""

from __future__ import annotations

import pytest

from course_backfill.errors import Fenced
from course_backfill.ingest_states import STAGE_OF_STEP, is_current, is_passed, require_current
from course_backfill.ingests import IngestStatus, Leg, Stage
from course_backfill.messages import Step
from course_backfill.notifications import Callback, CallbackStatus
from tests.domain.lives import EPOCH, LIVES
from tests.generators import create_message


@pytest.mark.parametrize("life", LIVES)
@pytest.mark.parametrize("step", list(Step))
@pytest.mark.parametrize("epoch", [EPOCH - 1, EPOCH, EPOCH + 1])
def test_a_message_counts_in_its_own_epoch_and_stage_alone(
    life: str, step: Step, epoch: int
) -> None:
    if step in {Step.NOTIFY, Step.DISCOVER}:
        return
    for ingest in LIVES[life]:
        message = create_message(step, epoch=epoch)
        # What was restored must stay so until it was read.
        keeps_warm = step is Step.WARM and ingest.stage in {Stage.REPLICATING, Stage.VERIFYING}
        is_awaited = {
            "accepted": step is Step.PLAN,
            "working": STAGE_OF_STEP[step] is ingest.stage or keeps_warm,
            "cancelling": step is Step.ROLL_BACK,
            "failing": step is Step.ROLL_BACK,
            "expiring": step is Step.ROLL_BACK,
        }
        expected = epoch == EPOCH and is_awaited.get(life, False)
        assert is_current(ingest, message) == expected
        if expected:
            require_current(ingest, message)
        else:
            with pytest.raises(Fenced):
                require_current(ingest, message)


@pytest.mark.parametrize("replica", ["primary", "cold", "unknown"])
@pytest.mark.parametrize("step", [Step.REPLICATE, Step.VERIFY])
def test_a_message_of_a_replica_counts_in_the_leg_that_works_on_it_alone(
    step: Step, replica: str
) -> None:
    for ingest in LIVES["working"]:
        worked_on = {"primary"} if ingest.leg is Leg.SOURCE else {"cold"}
        if ingest.leg is Leg.LOCATIONS and ingest.version is None:
            worked_on = {"primary", "cold"}
        expected = replica in worked_on and ingest.stage is STAGE_OF_STEP[step]
        message = create_message(step, epoch=EPOCH, replica=replica, packet=1)
        assert is_current(ingest, message) == expected


@pytest.mark.parametrize("life", LIVES)
@pytest.mark.parametrize("step", list(Step))
@pytest.mark.parametrize("replica", [None, "primary", "cold"])
@pytest.mark.parametrize("epoch", [EPOCH - 1, EPOCH, EPOCH + 1])
def test_a_message_is_passed_only_within_its_epoch_and_while_the_ingest_goes_on(
    life: str, step: Step, replica: str | None, epoch: int
) -> None:
    for ingest in LIVES[life]:
        stage = STAGE_OF_STEP.get(step.value)
        goes_on = ingest.status is IngestStatus.PROCESSING
        order = list(Stage)
        # One that may be of either leg is taken for one of the first.
        leg = Leg.LOCATIONS if replica == "cold" else Leg.SOURCE
        leg = leg if ingest.version else ingest.leg
        expected = (
            epoch == EPOCH
            and goes_on
            and stage is not None
            and (leg is Leg.LOCATIONS, order.index(stage))
            < (ingest.leg is Leg.LOCATIONS, order.index(ingest.stage or Stage.PLANNING))
        )
        message = create_message(step, epoch=epoch, replica=replica)
        assert is_passed(ingest, message) == expected


@pytest.mark.parametrize("life", LIVES)
@pytest.mark.parametrize("status", [None, *CallbackStatus])
def test_a_notification_counts_while_an_end_is_still_to_be_told(
    life: str, status: CallbackStatus | None
) -> None:
    callback = Callback(url="https://lms.example.org/hook", status=status) if status else None
    for ingest in LIVES[life]:
        asked = ingest.model_copy(update={"callback": callback})
        expected = ingest.status.is_end and status is CallbackStatus.PENDING
        assert is_current(asked, create_message(Step.NOTIFY, epoch=1)) == expected
