"""Verifier: re-reads one packet of a replica, then lists the whole."""

from __future__ import annotations

from functools import cache
from typing import Any

from course_backfill.adapters.connected import connect
from course_backfill.adapters.lambda_batch import BatchResponse, Context, handle_batch
from course_backfill.ingest_step import IngestStep
from course_backfill.ingests import Leg
from course_backfill.wiring import Wiring
from services.verifier.location_replica import LocationReplica
from services.verifier.source_replica import SourceReplica
from services.verifier.verifier import Verifier


def lambda_handler(event: dict[str, Any], context: Context) -> BatchResponse:
    """Handles a batch of SQS records; those that failed unexpectedly go back to the queue."""
    return handle_batch(event, context, wiring=connect(), step=step)


@cache
def step() -> IngestStep:
    """The step on the configured installation."""
    return build_step(connect())


def build_step(wiring: Wiring) -> IngestStep:
    """The step on any wiring."""
    source = SourceReplica(
        source=wiring.source,
        location=wiring.primary,
        reader=wiring.reader(wiring.primary),
        results=wiring.results,
        executor=wiring.executor,
        method=wiring.settings.verify,
        clock=wiring.clock,
    )
    locations = LocationReplica(
        places=wiring.places,
        work=wiring.work,
        placements=wiring.placements,
        packets=wiring.packets,
        executor=wiring.executor,
        method=wiring.settings.verify,
    )
    verifier = Verifier(
        checking={Leg.SOURCE: source, Leg.LOCATIONS: locations},
        results=wiring.results,
        ingests=wiring.ingests,
        packets=wiring.packets,
        flow=wiring.flow,
        new_id=wiring.new_id,
        renew_every=wiring.renew_every,
    )
    return wiring.step(verifier.verify)
