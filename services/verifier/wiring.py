"""What the verifier is made of."""

from __future__ import annotations

from course_backfill.tasks import Task
from course_backfill.wiring import Wiring
from services.verifier.audit_replica import AuditReplica
from services.verifier.copies_conclusion import CopiesConclusion
from services.verifier.findings_conclusion import FindingsConclusion
from services.verifier.location_replica import LocationReplica
from services.verifier.repair_replica import RepairReplica
from services.verifier.source_replica import SourceReplica
from services.verifier.verifier import ReplicaChecking, Verifier


def build_verifier(wiring: Wiring) -> Verifier:
    """What checks replicas, on any wiring."""
    source = SourceReplica(
        source=wiring.source,
        location=wiring.primary,
        reader=wiring.reader(wiring.primary),
        results=wiring.results,
        executor=wiring.executor,
        method=wiring.settings.verify,
        clock=wiring.clock,
    )
    checking = _checking(wiring, source)
    copies = CopiesConclusion(
        checking=checking,
        source_check=source.source_check,
        results=wiring.results,
        ingests=wiring.ingests,
        packets=wiring.packets,
        flow=wiring.flow,
    )
    findings = FindingsConclusion(
        checking=checking,
        results=wiring.results,
        ingests=wiring.ingests,
        packets=wiring.packets,
        flow=wiring.flow,
    )
    return Verifier(
        checking=checking,
        conclusions={
            Task.FILL: copies,
            Task.BRING: copies,
            Task.AUDIT: findings,
            Task.REPAIR: findings,
        },
        packets=wiring.packets,
        new_id=wiring.new_id,
        renew_every=wiring.renew_every,
        cold_reads=wiring.cold_reads,
    )


def _checking(wiring: Wiring, source: SourceReplica) -> dict[Task, ReplicaChecking]:
    locations = LocationReplica(
        places=wiring.places,
        work=wiring.work,
        placements=wiring.placements,
        packets=wiring.packets,
        executor=wiring.executor,
        method=wiring.settings.verify,
        crc64=wiring.crc64,
    )
    audits = AuditReplica(
        places=wiring.places,
        work=wiring.work,
        placements=wiring.placements,
        packets=wiring.packets,
        ingests=wiring.ingests,
        courses=wiring.courses,
        executor=wiring.executor,
        crc64=wiring.crc64,
    )
    repairs = RepairReplica(
        places=wiring.places,
        placements=wiring.placements,
        packets=wiring.packets,
        executor=wiring.executor,
        method=wiring.settings.verify,
        crc64=wiring.crc64,
    )
    return {
        Task.FILL: source,
        Task.BRING: locations,
        Task.AUDIT: audits,
        Task.REPAIR: repairs,
    }
