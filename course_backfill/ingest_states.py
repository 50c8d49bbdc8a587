"""The life of an ingest as pure functions: an ingest in, the changed ingest or a refusal out.

    accepted ──► processing ─┬─► succeeded
                  ▲   stages │
            retry │          └─► rolling-back ─► failed | cancelled
                  │                  ▲
                 failed, kept ───────┘  cancel, expiry, another ingest of the course

Stages only move down the pipeline, once for each leg: first from the source to the primary, then
from one location to others, to which audits, repairs and warming belong too. Every move raises or
requires the epoch that fences late workers. The one backward move is the retry of a kept failure.
"""

from __future__ import annotations

from collections.abc import Mapping

from course_backfill.addresses import Address
from course_backfill.errors import Conflict, Fenced
from course_backfill.failures import Failure
from course_backfill.ingests import PRIMARY, Ingest, IngestStatus, Leg, Stage
from course_backfill.messages import Step, StepMessage
from course_backfill.notifications import Callback

STAGE_OF_STEP = {
    "plan": Stage.PLANNING,
    "warm": Stage.WARMING,
    "replicate": Stage.REPLICATING,
    "verify": Stage.VERIFYING,
    "aggregate": Stage.AGGREGATING,
    "register": Stage.REGISTERING,
    "roll-back": Stage.ROLLING_BACK,
}

_LEGS = list(Leg)
_STAGES = list(Stage)
_ALSO_IN = {(Step.WARM, Stage.REPLICATING), (Step.WARM, Stage.VERIFYING)}
"""What was restored must stay so until it was read."""


def is_current(ingest: Ingest, message: StepMessage) -> bool:
    """Whether the message still asks for something: right epoch, right stage, not ended."""
    if message.step is Step.NOTIFY:
        return ingest.status.is_end and is_to_be_told(ingest)
    if message.epoch != ingest.epoch:
        return False
    if ingest.status is IngestStatus.ACCEPTED:
        return message.step is Step.PLAN
    if is_over(ingest) or ingest.stage is None:
        return False
    if message.replica is not None and message.replica not in ingest.leg_replicas:
        return False
    is_of_stage = STAGE_OF_STEP[message.step] is ingest.stage
    return is_of_stage or (message.step, ingest.stage) in _ALSO_IN


def is_over(ingest: Ingest) -> bool:
    """Whether nothing is left to be done for it: it has ended, and is not being rolled back."""
    return ingest.status.is_end and ingest.stage is not Stage.ROLLING_BACK


def is_callback_pending(ingest: Ingest) -> bool:
    """Whether someone is still to be told of the end."""
    return ingest.callback is not None and ingest.callback.is_pending


def is_announcement_pending(ingest: Ingest) -> bool:
    """Whether the domain event of the end is still to be published."""
    return ingest.announcement is not None and ingest.announcement.is_pending


def is_to_be_told(ingest: Ingest) -> bool:
    """Whether the notifier has something left to do."""
    return is_callback_pending(ingest) or is_announcement_pending(ingest)


def is_passed(ingest: Ingest, message: StepMessage) -> bool:
    """Whether the message asks for a step that this very epoch of the ingest has left behind."""
    stage = STAGE_OF_STEP.get(message.step)
    if message.epoch != ingest.epoch or stage is None or ingest.stage is None:
        return False
    # A message about no replica may be of either leg: sending on once too often harms nobody.
    is_of_second = message.replica is not None and message.replica != PRIMARY
    leg = Leg.LOCATIONS if is_of_second else Leg.SOURCE
    leg = ingest.leg if ingest.version is None else leg
    return not ingest.status.is_end and _position(leg, stage) < _position(ingest.leg, ingest.stage)


def _position(leg: Leg, stage: Stage) -> tuple[int, int]:
    return _LEGS.index(leg), _STAGES.index(stage)


def require_current(ingest: Ingest, message: StepMessage) -> None:
    """Raises Fenced unless the message is current."""
    if not is_current(ingest, message):
        raise Fenced(f"ingest {ingest.id} has moved on from epoch {message.epoch}")


def allotted_version(ingest: Ingest) -> str:
    """The version that the ingest makes; raises Fenced where planning has not allotted one."""
    if ingest.version is None:
        raise Fenced(f"ingest {ingest.id} has no version yet")
    return ingest.version


def started(ingest: Ingest, addresses: Mapping[str, Address]) -> Ingest:
    """accepted → processing, with the locations where they are; a repeat changes nothing."""
    if ingest.status is not IngestStatus.ACCEPTED:
        return ingest
    changes = {
        "status": IngestStatus.PROCESSING,
        "stage": Stage.PLANNING,
        "addresses": dict(addresses),
    }
    return ingest.model_copy(update=changes)


def advanced(ingest: Ingest, message: StepMessage, stage: Stage, leg: Leg | None = None) -> Ingest:
    """To a later stage, or to the next leg, on behalf of the message's worker.

    Raises Fenced for a late one.
    """
    require_current(ingest, message)
    leg = leg or ingest.leg
    if ingest.stage is None or _position(leg, stage) <= _position(ingest.leg, ingest.stage):
        raise Fenced(f"ingest {ingest.id} is past {stage}")
    return ingest.model_copy(update={"stage": stage, "leg": leg})


def rolling_back(ingest: Ingest, end: IngestStatus, failure: Failure | None = None) -> Ingest:
    """Fences every worker and sets the end; raises Conflict for an ended or rolling-back ingest."""
    if ingest.stage is Stage.ROLLING_BACK:
        raise Conflict(f"ingest {ingest.id} is being rolled back already")
    if ingest.status.is_end and not ingest.kept:
        raise Conflict(f"ingest {ingest.id} has ended ({ingest.status}): nothing is to be undone")
    return ingest.model_copy(
        update={
            "status": ingest.status if ingest.kept else IngestStatus.PROCESSING,
            "stage": Stage.ROLLING_BACK,
            "epoch": ingest.epoch + 1,
            "intended_end": end,
            "failure": failure or ingest.failure,
            "kept": False,
            "kept_until": None,
        }
    )


def kept(ingest: Ingest, failure: Failure, until: str) -> Ingest:
    """Failed with its copies kept; the stage it failed in stays, for the retry."""
    if ingest.status.is_end or ingest.stage is Stage.ROLLING_BACK:
        raise Fenced(f"ingest {ingest.id} has ended or is being rolled back")
    return ingest.model_copy(
        update={
            "status": IngestStatus.FAILED,
            "epoch": ingest.epoch + 1,
            "failure": failure,
            "kept": True,
            "kept_until": until,
        }
    )


def retried(ingest: Ingest) -> Ingest:
    """A kept failure starts again at planning, which finds what is done; raises Conflict."""
    if not ingest.kept:
        raise Conflict(
            f"nothing of ingest {ingest.id} ({ingest.status}) was kept to go on with: "
            "only a failure with onFailure: keep can be retried; start the course again"
        )
    return ingest.model_copy(
        update={
            "status": IngestStatus.PROCESSING,
            "stage": Stage.PLANNING,
            "epoch": ingest.epoch + 1,
            # Before the version there are no copies to resume, and the source may be mended.
            "inventory": ingest.inventory if ingest.version else None,
            "leg": Leg.SOURCE,
            # Likewise the lists of what other locations are to hold.
            "lists": ingest.lists if ingest.version else {},
            "repairs": None,
            "warming": None,
            "failure": None,
            "failure_count": 0,
            "callback": ingest.callback and Callback(url=ingest.callback.url),
            "announcement": None,
            "kept": False,
            "kept_until": None,
        }
    )


def ended(ingest: Ingest, status: IngestStatus) -> Ingest:
    """The one end of every ingest; raises Fenced where it has ended already."""
    is_rolling_back = ingest.stage is Stage.ROLLING_BACK
    if ingest.status.is_end and not is_rolling_back:
        raise Fenced(f"ingest {ingest.id} has ended: {ingest.status}")
    if is_rolling_back and status is not ingest.intended_end:
        raise Fenced(f"ingest {ingest.id} is being rolled back")
    return ingest.model_copy(update={"status": status, "stage": None, "intended_end": None})
