"""Planner: finds courses, and plans what an ingest copies."""

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
from course_backfill.wiring import Wiring
from services.planner.audit_planner import AuditPlanner
from services.planner.discovery import Discoverer
from services.planner.freshness import Freshness
from services.planner.location_dry_run import LocationDryRun
from services.planner.location_planner import LocationPlanner
from services.planner.planner import Planner
from services.planner.planner_step import PlannerStep
from services.planner.repair_planner import RepairPlanner
from services.planner.warm_planner import WarmPlanner


def lambda_handler(event: dict[str, Any], context: Context) -> BatchResponse:
    """Discovers on schedule; otherwise handles a batch of SQS records, each by itself."""
    if is_schedule(event):
        build_discoverer(connect()).schedule()
        return {"batchItemFailures": []}
    return handle_batch(event, context, wiring=connect(), step=step)


@cache
def step() -> PlannerStep:
    """The step on the configured installation."""
    return build_step(connect())


def build_step(wiring: Wiring) -> PlannerStep:
    """The step on any wiring."""
    return PlannerStep(build_discoverer(wiring), wiring.step(build_planner(wiring).plan))


def build_discoverer(wiring: Wiring) -> Discoverer:
    """What finds courses, on any wiring."""
    return Discoverer(
        source=wiring.source,
        courses=wiring.courses,
        discoveries=wiring.discoveries,
        freshness=_freshness(wiring),
        messages=wiring.messages,
        clock=wiring.clock,
        every=timedelta(seconds=wiring.settings.discovery_interval_seconds),
    )


def build_planner(wiring: Wiring) -> Planner:
    """What plans ingests, on any wiring."""
    return Planner(
        source=wiring.source,
        work=wiring.work,
        results=wiring.results,
        ingests=wiring.ingests,
        courses=wiring.courses,
        packets=wiring.packets,
        lifecycle=wiring.lifecycle,
        locations=LocationPlanner(
            places=wiring.places,
            addresses=wiring.addresses,
            courses=wiring.courses,
            legs=wiring.legs,
            lifecycle=wiring.lifecycle,
            dry_run=_location_dry_run(wiring),
        ),
        warmings=build_warm_planner(wiring),
        audits=AuditPlanner(
            places=wiring.places, courses=wiring.courses, work=wiring.work, legs=wiring.legs
        ),
        repairs=build_repair_planner(wiring),
        flow=wiring.flow,
        clock=wiring.clock,
    )


def build_warm_planner(wiring: Wiring) -> WarmPlanner:
    """What plans warmings, on any wiring."""
    return WarmPlanner(
        places=wiring.places,
        courses=wiring.courses,
        work=wiring.work,
        legs=wiring.legs,
        dry_run=_location_dry_run(wiring),
    )


def build_repair_planner(wiring: Wiring) -> RepairPlanner:
    """What plans repairs, on any wiring."""
    return RepairPlanner(
        places=wiring.places,
        addresses=wiring.addresses,
        courses=wiring.courses,
        ingests=wiring.ingests,
        packets=wiring.packets,
        work=wiring.work,
        results=wiring.results,
        legs=wiring.legs,
        freshness=_freshness(wiring),
        clock=wiring.clock,
    )


def _location_dry_run(wiring: Wiring) -> LocationDryRun:
    return LocationDryRun(
        courses=wiring.courses,
        costs=wiring.restore_costs,
        results=wiring.results,
        lifecycle=wiring.lifecycle,
    )


def _freshness(wiring: Wiring) -> Freshness:
    return Freshness(source=wiring.source, courses=wiring.courses, clock=wiring.clock)
