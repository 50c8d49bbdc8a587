"""What the planner is made of."""

from __future__ import annotations

from datetime import timedelta

from course_backfill.estimation.estimator import Estimator
from course_backfill.wiring import Wiring
from services.planner.audit_planner import AuditPlanner
from services.planner.discovery import Discoverer
from services.planner.dry_run import DryRun
from services.planner.freshness import Freshness
from services.planner.location_dry_run import LocationDryRun
from services.planner.location_planner import LocationPlanner
from services.planner.planner import Planner
from services.planner.repair_planner import RepairPlanner
from services.planner.warm_planner import WarmPlanner


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
        places=wiring.places,
        work=wiring.work,
        results=wiring.results,
        ingests=wiring.ingests,
        courses=wiring.courses,
        packets=wiring.packets,
        dry_run=_dry_run(wiring),
        locations=LocationPlanner(
            places=wiring.places,
            addresses=wiring.addresses,
            courses=wiring.courses,
            legs=wiring.legs,
            lifecycle=wiring.lifecycle,
            dry_run=_location_dry_run(wiring),
        ),
        warmings=_warm_planner(wiring),
        audits=AuditPlanner(
            places=wiring.places, courses=wiring.courses, work=wiring.work, legs=wiring.legs
        ),
        repairs=_repair_planner(wiring),
        flow=wiring.flow,
        clock=wiring.clock,
    )


def _warm_planner(wiring: Wiring) -> WarmPlanner:
    return WarmPlanner(
        places=wiring.places,
        courses=wiring.courses,
        work=wiring.work,
        legs=wiring.legs,
        dry_run=_location_dry_run(wiring),
    )


def _repair_planner(wiring: Wiring) -> RepairPlanner:
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


def _dry_run(wiring: Wiring) -> DryRun:
    return DryRun(
        source=wiring.source,
        source_for=wiring.source_for,
        ingests=wiring.ingests,
        clock=wiring.clock,
        courses=wiring.courses,
        results=wiring.results,
        lifecycle=wiring.lifecycle,
        estimator=Estimator(wiring.settings),
    )


def _location_dry_run(wiring: Wiring) -> LocationDryRun:
    return LocationDryRun(
        courses=wiring.courses,
        costs=wiring.restore_costs,
        results=wiring.results,
        lifecycle=wiring.lifecycle,
        estimator=Estimator(wiring.settings),
    )


def _freshness(wiring: Wiring) -> Freshness:
    return Freshness(source=wiring.source, courses=wiring.courses, clock=wiring.clock)
