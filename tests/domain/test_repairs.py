"""Repairs: what an object is mended from is what the audit found good, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from course_backfill.cold.storage import Warmth
from course_backfill.copies.expected_objects import ExpectedObject
from course_backfill.copies.repairs import Candidate, good_locations, planned_repair
from course_backfill.failures import Failure
from course_backfill.inventory import Fault

LOCATIONS = ["primary", "second", "third", "archive"]
SOME = st.lists(st.sampled_from(LOCATIONS), unique=True)
WANTED = ExpectedObject("courses/c/v1/assets/a.txt", 3, "ab" * 32, "text/plain")
SOONEST_FIRST = [
    (None, Warmth.READABLE),
    ("GLACIER", Warmth.READABLE),
    ("DEEP_ARCHIVE", Warmth.READABLE),
    ("GLACIER", Warmth.RESTORING),
    ("DEEP_ARCHIVE", Warmth.RESTORING),
    ("GLACIER", Warmth.COLD),
    ("DEEP_ARCHIVE", Warmth.COLD),
]
"""What a copy may be, by archive class and warmth, as a repair takes one before another."""
CANDIDATES = st.builds(
    lambda etag, standing: Candidate(etag, *standing),
    st.sampled_from(['"1"', '"2"']),
    st.sampled_from(SOONEST_FIRST),
)


def damage(etag: str | None) -> Failure:
    """An altered object, or a missing one."""
    code = "fixity-mismatch" if etag else "object-missing"
    found = Failure.of_copy(WANTED.key, Fault(code, "is damaged"), "primary", stage="verifying")
    return found.model_copy(update={"etag": etag})


@given(holders=SOME, damaged=SOME, unread=SOME)
def test_good_is_what_was_looked_at_and_found_neither_damaged_nor_unread(
    holders: list[str], damaged: list[str], unread: list[str]
) -> None:
    good = good_locations(holders, damaged, unread)
    assert set(good) == set(holders) - set(damaged) - set(unread)
    assert good == [one for one in holders if one in good]


@given(
    good=SOME,
    now=st.dictionaries(st.sampled_from(LOCATIONS), CANDIDATES),
    etag=st.none() | st.just('"bad"'),
)
def test_a_repair_names_a_good_copy_that_is_there_and_the_object_it_replaces(
    good: list[str], now: dict[str, Candidate], etag: str | None
) -> None:
    repair = planned_repair(WANTED, damage(etag), good, now)
    assert (repair.key, repair.size, repair.sha256) == (WANTED.key, WANTED.size, WANTED.sha256)
    assert repair.damaged_etag == etag
    there = [one for one in good if one in now]
    if repair.source is None:
        assert not there
        return
    assert repair.source in there
    chosen = now[repair.source]
    assert (repair.etag, repair.archive) == (chosen.etag, chosen.archive)
    standings = [SOONEST_FIRST.index((now[one].archive, now[one].warmth)) for one in there]
    assert repair.source == there[standings.index(min(standings))]
