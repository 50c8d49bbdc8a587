"""Results of packets: lines that lose nothing, joined in the order of the inventory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_backfill.errors import NotFound
from course_backfill.failures import Failure
from course_backfill.inventory import Fault
from course_backfill.locations import failures_key
from course_backfill.manifests import split_lines
from course_backfill.results import Copied, Outcome, from_line, to_line
from course_backfill.source_reading import Bad, Removed
from tests.generators import (
    Stores,
    create_entry,
    create_failure,
    create_ingest,
    create_packet,
    create_source_object,
)
from tests.strategies import TEXT, entries, source_objects

OUTCOMES: st.SearchStrategy[Outcome] = st.one_of(
    entries().map(Copied),
    source_objects(faults=False).map(Removed),
    st.builds(Bad, source_objects(faults=False), st.builds(Fault, st.just("missing-chunk"), TEXT)),
)
MISSING = Fault("missing-chunk", "chunk 0 is missing")


@pytest.fixture
def stores() -> Stores:
    return Stores()


@given(OUTCOMES)
def test_an_outcome_survives_the_round_trip_through_its_line(outcome: Outcome) -> None:
    assert from_line(to_line(outcome)) == outcome


def planned(stores: Stores, *keys: str | None, of: str = "copied") -> None:
    """Packets with these results."""
    ingest = create_ingest(status="processing", stage="planning")
    stores.ingests.add(ingest, event=stores.ingests.event("accept", "succeeded", ""))
    packets = [create_packet(number, **{of: key}) for number, key in enumerate(keys)]
    stores.packets.plan(ingest, "primary", packets)


def test_results_are_joined_in_the_order_of_the_packets(stores: Stores) -> None:
    planned(stores, "first", None, "third")
    outcomes = [Copied(create_entry(f"assets/{name}")) for name in "abc"]
    stores.results.write("third", outcomes[2:])
    stores.results.write("first", outcomes[:2])
    assert list(stores.results.copied(create_ingest(), "primary")) == outcomes


def test_a_packet_of_nothing_has_an_empty_result(stores: Stores) -> None:
    stores.results.write("empty", [])
    assert list(stores.results.of_packet("empty")) == []


def test_a_result_that_expired_is_missed(stores: Stores) -> None:
    with pytest.raises(NotFound):
        list(stores.results.of_packet("expired"))


@pytest.mark.parametrize(
    ("of", "stage"), [("copied", "replicating"), ("verified", "verifying")], ids=str
)
def test_failures_are_the_bad_outcomes_of_every_packet(stores: Stores, of: str, stage: str) -> None:
    planned(stores, "first", "second", of=of)
    bad = create_source_object("assets/bad")
    stores.results.write("first", [Copied(create_entry()), Bad(bad, MISSING)])
    stores.results.write("second", [Removed(create_source_object("assets/gone"))])
    read = (
        stores.results.copying_failures if of == "copied" else stores.results.verification_failures
    )
    [failure] = read(create_ingest(), "primary")
    assert (failure.path, failure.code, failure.stage) == ("assets/bad", "missing-chunk", stage)


def test_the_list_of_failures_replaces_the_one_before(stores: Stores) -> None:
    ingest = create_ingest()
    assert stores.results.write_failures(ingest, [create_failure(), create_failure()]) == 2
    assert stores.results.write_failures(ingest, iter([create_failure(detail="again")])) == 1
    lines = split_lines(stores.work.read(failures_key(ingest.id)))
    assert [Failure.from_line(line).detail for line in lines] == ["again"]
