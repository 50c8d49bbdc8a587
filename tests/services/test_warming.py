"""Warming: cold objects are restored before they are copied, whatever happens meanwhile."""

from __future__ import annotations

from datetime import timedelta
from unittest import mock

import pytest

from course_backfill.adapters.memory_bucket import StorageFault
from course_backfill.cold_storage import Tier
from course_backfill.ingests import Ingest, IngestStatus, Stage
from course_backfill.messages import Step
from course_backfill.warming import RestoreWish
from tests.services.memory_pipeline import MemoryPipeline
from tests.services.warming_world import FILES, WarmingWorld


@pytest.fixture
def world() -> WarmingWorld:
    return WarmingWorld()


def test_a_cold_course_is_restored_then_copied(world: WarmingWorld) -> None:
    world.cool()
    ingest = world.bring()
    assert world.ingest(ingest).stage is Stage.WARMING
    assert (world.warming(ingest).asked, world.warming(ingest).ready) == (FILES, 0)
    world.pass_time(hours=6)
    assert world.ingest(ingest).status is IngestStatus.SUCCEEDED
    assert len(world.second.versions) == FILES + 3
