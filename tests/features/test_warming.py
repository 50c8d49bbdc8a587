"""Cold courses on the embedded AWS: restores that take time, expire, and meet killed workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from course_backfill.cold.storage import Tier
from course_backfill.cold.warming import RestoreWish
from course_backfill.courses import CourseId
from course_backfill.ingests import Ingest, IngestStatus, Stage
from course_backfill.locations import Location
from tests.features.installation import COURSE, Installation, wait_until

FILES = 12
Pace = Callable[..., None]


@pytest.fixture
def pace(endpoint: str) -> Iterator[Pace]:
    """Orders how long restores take and last; as in S3 again afterwards."""

    def order(**fields: Any) -> None:
        httpx.post(f"{endpoint}/_restores", json=fields).raise_for_status()

    order()
    yield order
    order()


@pytest.fixture
def cold(installation: Installation, pace: Pace) -> Installation:
    """A registered course whose content in the primary is archived, and a second location."""
    bucket = f"{installation.settings.namespace}-second"
    installation.configure(Location(id="second", bucket=bucket, required=False))
    for number in range(FILES):
        installation.save(COURSE, f"file {number}.txt", b"content of %d" % number)
    installation.backfill()
    archive(installation)
    return installation


def archive(installation: Installation, kind: str = "GLACIER") -> None:
    bucket = installation.wiring.primary.bucket
    where = {"bucket": bucket, "prefix": f"courses/{COURSE}/v1/assets/", "storageClass": kind}
    httpx.post(f"{installation.endpoint}/_archive", json=where).raise_for_status()


def bring(installation: Installation, **request: Any) -> str:
    return installation.start(COURSE, provider="amazon-s3", locations=("second",), **request)


def in_second(installation: Installation, course: CourseId = COURSE) -> dict[str, bytes]:
    second = installation.wiring.locations["second"]
    reader, prefix = installation.wiring.reader(second), second.version_prefix(course, "v1")
    return {
        one.source.name: b"".join(reader.read(prefix + one.key)) for one in installation.entries()
    }


def restores(installation: Installation) -> list[str]:
    """The keys that are restored or being restored."""
    primary = installation.wiring.primary
    listed = installation.wiring.reader(primary).list(primary.course_prefix(COURSE))
    return [one.key for one in listed if one.restore is not None]


def in_stage(installation: Installation, ingest: str, stage: Stage) -> Callable[[], bool]:
    return lambda: installation.wiring.ingests.get(ingest).stage is stage


def assert_copied(installation: Installation, ingest: str) -> Ingest:
    ended = installation.ended(ingest)
    assert ended.status is IngestStatus.SUCCEEDED, ended.failure
    assert in_second(installation) == {
        f"file {number}.txt": b"content of %d" % number for number in range(FILES)
    }
    return ended


def test_a_cold_course_waits_for_its_restores_and_is_copied(cold: Installation, pace: Pace) -> None:
    pace(seconds=6)
    cold.work()
    ingest = bring(cold)
    wait_until(lambda: len(restores(cold)) == FILES)
    warming = cold.wiring.ingests.get(ingest)
    assert warming.stage is Stage.WARMING
    ended = assert_copied(cold, ingest)
    assert ended.warming is not None
    assert (ended.warming.ready, ended.warming.rounds) == (FILES, 1)


def test_restores_that_were_asked_for_before_are_taken(cold: Installation, pace: Pace) -> None:
    pace(seconds=4)
    primary = cold.wiring.primary
    for one in cold.wiring.reader(primary).list(primary.course_prefix(COURSE)):
        if one.archive:
            cold.wiring.restorer(primary).restore(one.key, days=1, tier=Tier.STANDARD)
    cold.work()
    assert_copied(cold, bring(cold))


def test_what_expired_before_it_was_copied_is_restored_again(
    cold: Installation, pace: Pace
) -> None:
    cold.work("planner", "warmer", "janitor")
    ingest = bring(cold)
    wait_until(in_stage(cold, ingest, Stage.REPLICATING))
    pace(day_seconds=0)
    assert restores(cold) == []
    pace()
    cold.work()
    ended = assert_copied(cold, ingest)
    assert ended.warming is not None
    assert ended.warming.rounds == 2


def test_a_worker_killed_while_it_asks_is_replaced(cold: Installation, pace: Pace) -> None:
    pace(seconds=3)
    cold.fault(service="s3", operation="RestoreObject", key="file 6.", delay=30, status=503)
    ingest = bring(cold)
    victim = cold.work()
    wait_until(lambda: len(restores(cold)) >= 3)
    victim.kill()
    cold.heal()
    assert not cold.wiring.ingests.get(ingest).status.is_end
    cold.work()
    ended = assert_copied(cold, ingest)
    assert ended.warming is not None
    assert ended.warming.rounds == 1


def test_a_worker_killed_while_it_waits_is_replaced(cold: Installation, pace: Pace) -> None:
    pace(seconds=8)
    ingest = bring(cold)
    victim = cold.work()
    wait_until(lambda: len(restores(cold)) == FILES)
    wait_until(lambda: cold.wiring.ingests.get(ingest).warming is not None)
    victim.kill()
    cold.work()
    assert_copied(cold, ingest)


def test_a_raised_tier_is_restored_sooner(cold: Installation, pace: Pace) -> None:
    pace(seconds=3600, bulk_seconds=3600, expedited_seconds=1)
    cold.work()
    ingest = bring(cold, restore=RestoreWish(tier=Tier.BULK))
    wait_until(lambda: cold.wiring.ingests.get(ingest).warming is not None)
    cold.wiring.restore_tiers.raise_tier(ingest, Tier.EXPEDITED, by="operator")
    assert_copied(cold, ingest)


def test_without_capacity_the_standard_tier_is_taken(cold: Installation, pace: Pace) -> None:
    pace(expedited="unavailable")
    cold.work()
    ended = assert_copied(cold, bring(cold, restore=RestoreWish(tier=Tier.EXPEDITED)))
    events = {one.outcome for one in cold.wiring.ingests.events(ended.id) if one.step == "warm"}
    assert "fell-back" in events


def test_a_course_that_is_warmed_can_be_read(cold: Installation, pace: Pace) -> None:
    pace(seconds=3)
    cold.work()
    ended = cold.ended(cold.start(COURSE, ingest_type="warm-course"))
    assert ended.status is IngestStatus.SUCCEEDED, ended.failure
    assert {cold.read(one) for one in cold.entries()} == {
        b"content of %d" % number for number in range(FILES)
    }
    assert ended.warming is not None
    assert ended.warming.readable_until is not None
