"""What the janitor is made of."""

from __future__ import annotations

from datetime import timedelta

from course_backfill.wiring import Wiring
from services.janitor.audit_schedule import AuditSchedule
from services.janitor.burial import Burial
from services.janitor.gauges import Gauges
from services.janitor.janitor import Janitor
from services.janitor.sweep import Sweeper


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
        meter=wiring.meter,
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


def build_gauges(wiring: Wiring) -> Gauges:
    """What counts, on any wiring."""
    return Gauges(
        meter=wiring.meter,
        state=wiring.state,
        ingests=wiring.ingests,
        packets=wiring.packets,
        clock=wiring.clock,
        stalled_after=wiring.resend_after,
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
