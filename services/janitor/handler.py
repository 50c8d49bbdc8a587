"""Janitor: rolls back, sends lost messages again, takes dead letters in, starts audits."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Any

from course_backfill.adapters.connected import connect
from course_backfill.adapters.lambda_batch import (
    BatchResponse,
    Context,
    handle_batch,
    is_schedule,
)
from course_backfill.ingest_step import IngestStep
from course_backfill.wiring import Wiring
from services.janitor.audit_schedule import AuditSchedule
from services.janitor.burial import Burial
from services.janitor.janitor import Janitor
from services.janitor.sweep import Sweeper


def lambda_handler(event: dict[str, Any], context: Context) -> BatchResponse:
    """Sweeps and audits on schedule; otherwise rolls back, or buries the dead."""
    if is_schedule(event):
        build_sweeper(connect()).sweep()
        build_audit_schedule(connect()).tick()
        return {"batchItemFailures": []}
    bury = build_burial(connect()).bury
    return handle_batch(event, context, wiring=connect(), step=step, bury=bury)


@cache
def step() -> IngestStep:
    """The step on the configured installation."""
    return build_step(connect())


def build_step(wiring: Wiring) -> IngestStep:
    """The step on any wiring."""
    return wiring.step(build_janitor(wiring).roll_back)


def build_janitor(wiring: Wiring) -> Janitor:
    """What erases, on any wiring."""
    return Janitor(
        erasers={one.id: (one, wiring.eraser(one)) for one in wiring.locations.values()},
        addresses=wiring.addresses,
        courses=wiring.courses,
        lifecycle=wiring.lifecycle,
    )


def build_burial(wiring: Wiring) -> Burial:
    """What takes dead letters in, on any wiring."""
    return Burial(
        dead_letters=wiring.dead_letters,
        ingests=wiring.ingests,
        discoveries=wiring.discoveries,
        lifecycle=wiring.lifecycle,
    )


def build_audit_schedule(wiring: Wiring) -> AuditSchedule:
    """What starts audits, on any wiring."""
    return AuditSchedule(
        state=wiring.state,
        ingests=wiring.ingests,
        audits=wiring.audits,
        lifecycle=wiring.lifecycle,
        clock=wiring.clock,
        new_id=wiring.new_id,
        every=timedelta(days=wiring.settings.audit_every_days),
        at_once=wiring.settings.audits_at_once,
        method=wiring.settings.verify,
    )


def build_sweeper(wiring: Wiring) -> Sweeper:
    """What acts on due timers, on any wiring."""
    return Sweeper(
        state=wiring.state,
        ingests=wiring.ingests,
        packets=wiring.packets,
        lifecycle=wiring.lifecycle,
        janitor=build_janitor(wiring),
        flow=wiring.flow,
        messages=wiring.messages,
        clock=wiring.clock,
        resend_after=wiring.resend_after,
    )
