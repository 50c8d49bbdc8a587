"""Register: registers verified versions, and records where they are and what audits found."""

from __future__ import annotations

from course_backfill.adapters.lambda_worker import LambdaWorker
from course_backfill.ingest_step import IngestStep, Work
from course_backfill.tasks import Task
from course_backfill.wiring import Wiring
from services.register.findings_register import FindingsRegister
from services.register.register import Register


def build_step(wiring: Wiring) -> IngestStep:
    """The step on any wiring."""
    register = Register(
        places=wiring.places,
        state=wiring.state,
        ingests=wiring.ingests,
        courses=wiring.courses,
        packets=wiring.packets,
        lifecycle=wiring.lifecycle,
        clock=wiring.clock,
    )
    findings = FindingsRegister(
        places=wiring.places,
        courses=wiring.courses,
        audits=wiring.audits,
        packets=wiring.packets,
        results=wiring.results,
        lifecycle=wiring.lifecycle,
    )
    registers: dict[Task, Work] = {
        Task.FILL: register.register,
        Task.BRING: register.register,
        Task.AUDIT: findings.register,
        Task.REPAIR: findings.register,
    }
    return wiring.step(lambda ingest, message: registers[ingest.task](ingest, message))


lambda_handler = LambdaWorker(build_step)
