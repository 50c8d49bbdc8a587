"""The memory twin of the state store: the faults that a test can bring about."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from course_backfill.adapters.memory_state import MemoryStateStore
from course_backfill.errors import ConditionFailed, StateUnavailable
from course_backfill.ports import Condition, Key, Write

KEY = Key("ingests", "i", "INGEST")
ABSENT = [Condition("pk", "absent")]


def test_a_write_before_the_write_makes_it_lose_the_race() -> None:
    store = MemoryStateStore()

    def be_faster(writes: Sequence[Write]) -> None:
        store.write(Write(KEY, item={"winner": "other"}))

    store.before_write = be_faster
    with pytest.raises(ConditionFailed):
        store.write(Write(KEY, item={"winner": "me"}, when=ABSENT))
    found = store.get(KEY)
    assert found is not None
    assert found["winner"] == "other"


def test_what_is_raised_before_the_write_keeps_it_from_happening() -> None:
    store = MemoryStateStore()

    def throttle(writes: Sequence[Write]) -> None:
        raise StateUnavailable("throttled")

    store.before_write = throttle
    with pytest.raises(StateUnavailable):
        store.write(Write(KEY, item={}))
    assert store.get(KEY) is None
    store.before_write = None
    store.write(Write(KEY, item={}))


def test_a_lost_answer_is_a_write_that_was_done() -> None:
    store = MemoryStateStore()

    def lose(writes: Sequence[Write]) -> None:
        if writes[0].key == KEY:
            raise StateUnavailable("no answer")

    store.after_write = lose
    with pytest.raises(StateUnavailable):
        store.write(Write(KEY, item={}))
    assert store.get(KEY) is not None


def test_while_it_is_away_no_verb_answers() -> None:
    store = MemoryStateStore()
    store.write(Write(KEY, item={"n": 1}))
    store.is_unavailable = True
    for verb in (
        lambda: store.get(KEY),
        lambda: store.query("ingests", "i"),
        lambda: store.query_index("due", "due#1", limit=1),
        lambda: store.write(Write(KEY, add={"n": 1})),
    ):
        with pytest.raises(StateUnavailable):
            verb()
    store.is_unavailable = False
    assert store.get(KEY) == {"pk": "i", "sk": "INGEST", "n": 1}


@pytest.mark.parametrize("value", [5, "", True])
def test_a_key_of_an_index_is_a_text_as_dynamodb_demands(value: object) -> None:
    store = MemoryStateStore()
    with pytest.raises(ValueError, match="dueDate is a key of an index"):
        store.write(Write(KEY, item={"dueDate": value}))
    assert store.get(KEY) is None


def test_only_a_number_can_be_added_to() -> None:
    store = MemoryStateStore()
    store.write(Write(KEY, item={"n": "text"}))
    with pytest.raises(TypeError):
        store.write(Write(Key("ingests", "o", "X"), item={}), Write(KEY, add={"n": 1}))
    assert store.get(Key("ingests", "o", "X")) is None
