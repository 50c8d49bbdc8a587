"""Discoveries: stored, ended once, found again."""

from __future__ import annotations

import pytest

from course_backfill.discovery_store import DiscoveryStore
from course_backfill.errors import ConditionFailed, NotFound
from course_backfill.failures import Failure
from course_backfill.ingests import IngestStatus
from tests.services.memory_pipeline import MemoryWiring


@pytest.fixture
def store() -> DiscoveryStore:
    wiring = MemoryWiring()
    return DiscoveryStore(wiring.state, wiring.clock)


def test_a_discovery_is_accepted_and_ends_with_what_it_found(store: DiscoveryStore) -> None:
    added = store.add("d1", by="operator")
    assert (added.status, added.requested_by) == (IngestStatus.ACCEPTED, "operator")
    store.end("d1", found=4, added=1)
    ended = store.get("d1")
    assert (ended.status, ended.found, ended.added) == (IngestStatus.SUCCEEDED, 4, 1)
    assert ended.ended_date


def test_a_discovery_ends_once(store: DiscoveryStore) -> None:
    store.add("d1", by="operator")
    store.end("d1", failure=Failure.of_ingest("source-refused", "denied", stage="discover"))
    store.end("d1", found=4, added=1)
    ended = store.get("d1")
    assert ended.status is IngestStatus.FAILED
    assert ended.failure
    assert ended.failure.code == "source-refused"


def test_an_id_is_taken_once_and_an_unknown_one_is_not_found(store: DiscoveryStore) -> None:
    store.add("d1", by="operator")
    with pytest.raises(ConditionFailed):
        store.add("d1", by="operator")
    for look in (store.get, store.end):
        with pytest.raises(NotFound):
            look("d2")
