"""What the replicator is made of."""

from __future__ import annotations

from course_backfill.tasks import Task
from course_backfill.wiring import Wiring
from services.replicator.location_packets import LocationPackets
from services.replicator.repair_packets import RepairPackets
from services.replicator.replicator import Replicator
from services.replicator.source_packets import SourcePackets


def build_replicator(wiring: Wiring) -> Replicator:
    """What copies packets, on any wiring."""
    source = SourcePackets(
        source_for=wiring.source_for,
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
    return Replicator(
        copying={Task.FILL: source, Task.BRING: locations, Task.REPAIR: repairs},
        results=wiring.results,
        placements=wiring.placements,
        ingests=wiring.ingests,
        packets=wiring.packets,
        flow=wiring.flow,
        new_id=wiring.new_id,
        renew_every=wiring.renew_every,
        cold_reads=wiring.cold_reads,
    )
