"""Whatever fails whenever: every ingest ends, nothing is lost, mixed, replaced or left behind."""

from __future__ import annotations

import pytest

from tests.services.faulty_runs import FaultyRun

SEEDS = 30
STEPS = 120


@pytest.mark.parametrize("seed", range(SEEDS))
def test_any_faults_end_well(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("course_backfill.packets.MAX_PACKET_OBJECTS", 2)
    run = FaultyRun(seed)
    run.run(STEPS)
    run.check()
