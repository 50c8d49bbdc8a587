"""Replicator: copies one packet of a course to one location."""

from __future__ import annotations

from functools import cache
from typing import Any

from course_backfill.adapters.connected import connect
from course_backfill.adapters.lambda_batch import BatchResponse, Context, handle_batch
from course_backfill.cold.reads import ColdReads
from course_backfill.ingest_step import IngestStep
from course_backfill.tasks import Task
from course_backfill.wiring import Wiring
from services.replicator.location_packets import LocationPackets
from services.replicator.repair_packets import RepairPackets
from services.replicator.replicator import Replicator
from services.replicator.source_packets import SourcePackets


def lambda_handler(event: dict[str, Any], context: Context) -> BatchResponse:
    """Handles a batch of SQS records; those that failed unexpectedly go back to the queue."""
    return handle_batch(event, context, wiring=connect(), step=step)


@cache
def step() -> IngestStep:
    """The step on the configured installation."""
    return build_step(connect())


def build_step(wiring: Wiring) -> IngestStep:
    """The step on any wiring."""
    source = SourcePackets(
        source=wiring.source,
        location=wiring.primary,
        reader=wiring.reader(wiring.primary),
        writer=wiring.writer(wiring.primary),
        work=wiring.work,
        results=wiring.results,
        executor=wiring.executor,
        crc64=wiring.crc64,
    )
    locations = LocationPackets(
        places=wiring.places,
        work=wiring.work,
        packets=wiring.packets,
        placements=wiring.placements,
        executor=wiring.executor,
        crc64=wiring.crc64,
    )
    repairs = RepairPackets(
        places=wiring.places,
        repairer=wiring.repairer,
        work=wiring.work,
        ingests=wiring.ingests,
        packets=wiring.packets,
        placements=wiring.placements,
        executor=wiring.executor,
        crc64=wiring.crc64,
    )
    replicator = Replicator(
        copying={Task.FILL: source, Task.BRING: locations, Task.REPAIR: repairs},
        results=wiring.results,
        placements=wiring.placements,
        ingests=wiring.ingests,
        packets=wiring.packets,
        flow=wiring.flow,
        new_id=wiring.new_id,
        renew_every=wiring.renew_every,
        cold_reads=ColdReads(
            state=wiring.state,
            ingests=wiring.ingests,
            clock=wiring.clock,
            patience=wiring.restore_patience,
        ),
    )
    return wiring.step(replicator.replicate)
