"""The life of an ingest: every turn from every state, allowed or refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from course_backfill.cold.warming import Warming
from course_backfill.errors import Conflict, Fenced
from course_backfill.ingest_states import (
    STAGE_OF_STEP,
    advanced,
    ended,
    is_over,
    kept,
    retried,
    rolling_back,
    started,
)
from course_backfill.ingests import Ingest, IngestStatus, Leg, Stage
from course_backfill.inventory import InventorySummary
from course_backfill.messages import Step
from course_backfill.notifications import Callback, CallbackStatus
from tests.domain.lives import CANCELLED, EPOCH, FAILED, LIVES, UNTIL, WORKING
from tests.generators import create_failure, create_message

TURNS: dict[str, Callable[[Ingest], Ingest]] = {
    "start": lambda ingest: started(ingest, {}),
    "fail": lambda ingest: rolling_back(ingest, FAILED, create_failure()),
    "cancel": lambda ingest: rolling_back(ingest, CANCELLED),
    "keep": lambda ingest: kept(ingest, create_failure(), UNTIL),
    "retry": retried,
    "end-succeeded": lambda ingest: ended(ingest, IngestStatus.SUCCEEDED),
    "end-failed": lambda ingest: ended(ingest, FAILED),
    "end-cancelled": lambda ingest: ended(ingest, CANCELLED),
}

# What each life becomes by each turn: another life, the same one, or the error that refuses it.
TABLE = """
turn           accepted   working    cancelling failing   expiring  kept       succeeded failed    cancelled
start          working    =          =          =         =         =          =         =         =
fail           failing    failing    Conflict   Conflict  Conflict  expiring   Conflict  Conflict  Conflict
cancel         cancelling cancelling Conflict   Conflict  Conflict  cancelling Conflict  Conflict  Conflict
keep           kept       kept       Fenced     Fenced    Fenced    Fenced     Fenced    Fenced    Fenced
retry          Conflict   Conflict   Conflict   Conflict  Conflict  working    Conflict  Conflict  Conflict
end-succeeded  succeeded  succeeded  Fenced     Fenced    Fenced    Fenced     Fenced    Fenced    Fenced
end-failed     failed     failed     Fenced     failed    failed    Fenced     Fenced    Fenced    Fenced
end-cancelled  cancelled  cancelled  cancelled  Fenced    Fenced    Fenced     Fenced    Fenced    Fenced
"""  # noqa: E501 - A table reads as one.

RAISES_EPOCH = {"fail", "cancel", "keep", "retry"}
REFUSALS = {"Conflict": Conflict, "Fenced": Fenced}


def cells() -> list[tuple[str, str, str]]:
    head, *rows = (line.split() for line in TABLE.strip().splitlines())
    return [
        (row[0], life, outcome)
        for row in rows
        for life, outcome in zip(head[1:], row[1:], strict=True)
    ]


def life_of(ingest: Ingest) -> str:
    if ingest.kept:
        return "kept"
    if ingest.stage is Stage.ROLLING_BACK:
        if ingest.intended_end is CANCELLED:
            return "cancelling"
        return "expiring" if ingest.status is FAILED else "failing"
    if ingest.stage is not None:
        return "working"
    return ingest.status.value


def test_the_table_has_every_life_and_every_turn() -> None:
    assert {(turn, life) for turn, life, _ in cells()} == {
        (turn, life) for turn in TURNS for life in LIVES
    }
    assert {life: {life_of(one) for one in LIVES[life]} for life in LIVES} == {
        life: {life} for life in LIVES
    }


@pytest.mark.parametrize(("turn", "life", "outcome"), cells())
def test_a_turn_leads_where_the_table_says(turn: str, life: str, outcome: str) -> None:
    for before in LIVES[life]:
        if outcome in REFUSALS:
            with pytest.raises(REFUSALS[outcome]):
                TURNS[turn](before)
            continue
        after = TURNS[turn](before)
        if outcome == "=":
            assert after == before
            continue
        assert life_of(after) == outcome
        assert after.epoch == EPOCH + (turn in RAISES_EPOCH)
        assert (after.id, after.course, after.version) == (before.id, before.course, before.version)


@pytest.mark.parametrize(
    "before", LIVES["working"], ids=lambda ingest: f"{ingest.leg}-{ingest.version}-{ingest.stage}"
)
@pytest.mark.parametrize("leg", [None, *Leg])
@pytest.mark.parametrize("stage", WORKING)
def test_stages_only_move_down_the_pipeline_of_their_leg_and_then_to_the_next(
    before: Ingest, leg: Leg | None, stage: Stage
) -> None:
    steps = {value: Step(step) for step, value in STAGE_OF_STEP.items()}
    assert before.stage is not None
    message = create_message(steps[before.stage], epoch=EPOCH)
    is_next_leg = (before.leg, leg) == (Leg.SOURCE, Leg.LOCATIONS)
    is_same_leg = leg in {None, before.leg}
    if is_next_leg or (is_same_leg and WORKING.index(stage) > WORKING.index(before.stage)):
        after = advanced(before, message, stage, leg)
        assert (after.leg, after.stage, after.epoch) == (leg or before.leg, stage, EPOCH)
    else:
        with pytest.raises(Fenced):
            advanced(before, message, stage, leg)


@pytest.mark.parametrize("life", [life for life in LIVES if life != "working"])
@pytest.mark.parametrize("step", [step for step in Step if step.value in STAGE_OF_STEP])
def test_nothing_but_a_working_ingest_advances(life: str, step: Step) -> None:
    for before in LIVES[life]:
        for stage in WORKING:
            with pytest.raises(Fenced):
                advanced(before, create_message(step, epoch=EPOCH), stage)


@pytest.mark.parametrize("life", LIVES)
def test_an_ingest_is_over_once_nothing_is_left_to_be_done(life: str) -> None:
    over = life in {"kept", "succeeded", "failed", "cancelled"}
    assert {is_over(ingest) for ingest in LIVES[life]} == {over}


def test_a_rollback_keeps_the_reason_and_lets_go_of_what_was_kept() -> None:
    before = LIVES["kept"][1]
    after = rolling_back(before, CANCELLED)
    assert after.failure == before.failure
    assert (after.kept, after.kept_until, after.intended_end) == (False, None, CANCELLED)


def test_a_kept_failure_keeps_the_stage_it_failed_in() -> None:
    for before in LIVES["working"]:
        after = kept(before, create_failure(), UNTIL)
        assert (after.leg, after.stage) == (before.leg, before.stage)


INVENTORY = InventorySummary(
    key="k", database="edxapp", taken_date=UNTIL, objects=1, bytes=1, fingerprints={}
)


def test_a_retry_begins_at_planning_and_forgets_the_failure() -> None:
    told = Callback(url="https://lms.example.org/hook", status=CallbackStatus.SUCCEEDED, attempts=3)
    before = LIVES["kept"][2].model_copy(
        update={"callback": told, "failure_count": 3, "version": "v1", "inventory": INVENTORY}
    )
    after = retried(before)
    assert (after.status, after.stage) == (IngestStatus.PROCESSING, Stage.PLANNING)
    assert (after.failure, after.failure_count, after.kept_until) == (None, 0, None)
    assert after.callback == Callback(url="https://lms.example.org/hook")
    assert (after.version, after.inventory) == ("v1", INVENTORY)


def test_a_retry_before_there_was_a_version_takes_its_inventory_anew() -> None:
    assert retried(LIVES["kept"][0].model_copy(update={"inventory": INVENTORY})).inventory is None


@pytest.mark.parametrize(("version", "lists"), [("v1", {"cold": "k"}), (None, {})])
def test_a_retry_keeps_the_lists_of_a_version_and_begins_with_the_first_leg(
    version: str | None, lists: dict[str, str]
) -> None:
    warming = Warming(objects=1, bytes=1, started_date=UNTIL)
    fields = {"leg": Leg.LOCATIONS, "lists": {"cold": "k"}, "version": version, "warming": warming}
    after = retried(LIVES["kept"][2].model_copy(update=fields))
    assert (after.leg, after.lists, after.warming) == (Leg.SOURCE, lists, None)
