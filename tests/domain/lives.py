"""Every state that an ingest can be in."""

from __future__ import annotations

from course_backfill.ingests import Ingest, IngestStatus, Leg, Stage
from tests.generators import create_failure, create_ingest

EPOCH = 5
WORKING: list[Stage] = [stage for stage in Stage if stage is not Stage.ROLLING_BACK]
UNTIL = "2026-03-16T08:00:00.000Z"
FAILED, CANCELLED = IngestStatus.FAILED, IngestStatus.CANCELLED

LIVES: dict[str, list[Ingest]] = {
    "accepted": [create_ingest(epoch=EPOCH)],
    "working": [
        create_ingest(
            epoch=EPOCH,
            status="processing",
            stage=one,
            leg=leg,
            version=version,
            locations=("primary", "cold"),
        )
        for leg in Leg
        for version in (None, "v1")
        for one in WORKING
    ],
    "cancelling": [
        create_ingest(epoch=EPOCH, status=one, stage="rolling-back", intended_end=CANCELLED)
        for one in ("processing", "failed")
    ],
    "failing": [
        create_ingest(epoch=EPOCH, status="processing", stage="rolling-back", intended_end=FAILED)
    ],
    "expiring": [
        create_ingest(epoch=EPOCH, status="failed", stage="rolling-back", intended_end=FAILED)
    ],
    "kept": [
        create_ingest(
            epoch=EPOCH,
            status="failed",
            stage=one,
            kept=True,
            kept_until=UNTIL,
            failure=create_failure(),
        )
        for one in [None, *WORKING]
    ],
    "succeeded": [create_ingest(epoch=EPOCH, status="succeeded")],
    "failed": [create_ingest(epoch=EPOCH, status="failed", failure=create_failure())],
    "cancelled": [create_ingest(epoch=EPOCH, status="cancelled")],
}
"""Every combination of status, leg, stage and kept that an ingest can be in."""
