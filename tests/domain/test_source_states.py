"""Whatever is saved between any two calls, what is read is one state of a file; and batches."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_backfill.source_reading import BATCH_BYTES, BATCH_OBJECTS, batches, digest_fault
from tests.domain.live_reading import Reading
from tests.generators import create_source_object

BOTH = pytest.mark.parametrize("size", ["small", "large"])
EDITS = st.lists(
    st.tuples(st.sampled_from(["read_batch", "stream", "block", "current"]), st.integers(0, 12)),
    max_size=6,
)


def state(number: int) -> bytes:
    """Content that tells its state apart from every other by any one byte."""
    return bytes([65 + number]) * number


@given(edits=EDITS, first=st.integers(0, 12))
@BOTH
def test_two_states_of_a_file_are_never_mixed(
    size: str, edits: list[tuple[str, int]], first: int
) -> None:
    """Whatever is saved between any two calls, the bytes are those of the document told."""
    reading = Reading()
    found = reading.save("a", state(first))
    left = list(edits)

    def edit(verb: str) -> None:
        if left and left[0][0] == verb:
            _, number = left.pop(0)
            reading.source.on_call = None
            reading.save("a", state(number))
            reading.source.on_call = edit

    reading.source.on_call = edit
    outcome, source, content = reading.either(size, found)
    assert outcome == "read" or content == "keeps-changing"
    if outcome == "read":
        assert isinstance(content, bytes)
        assert len(set(content)) <= 1
        assert len(content) == source.size
        assert digest_fault(source, hashlib.md5(content, usedforsecurity=False).hexdigest()) is None


SIZES = st.lists(st.integers(-1, 2 * BATCH_BYTES), max_size=400)


@given(SIZES)
def test_batches_keep_the_order_and_their_bounds(sizes: list[int]) -> None:
    objects = [create_source_object(f"assets/{n}", size=size) for n, size in enumerate(sizes)]
    groups = list(batches(objects))
    assert [one for group in groups for one in group] == objects
    for group in groups:
        assert 0 < len(group) <= BATCH_OBJECTS
        assert len(group) == 1 or sum(max(one.size, 0) for one in group) <= BATCH_BYTES
