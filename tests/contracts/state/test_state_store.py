"""The state store: the same rules in memory and in DynamoDB."""

from __future__ import annotations

from typing import Any

import pytest

from course_backfill.adapters.memory_state import MemoryStateStore
from course_backfill.errors import ConditionFailed
from course_backfill.ports import Condition, Key, Page, StateStore, Write
from tests.contracts.state.items import KEY, OTHER, sort_keys


def test_an_item_comes_back_as_it_was_written(store: StateStore) -> None:
    item = {
        "status": "accepted",  # DynamoDB reserves this name, and the next one.
        "count": 10**30,
        "negative": -1,
        "yes": True,
        "empty": "",
        "nested": {"list": [1, "two", {"three": [3, None]}], "odd name.[0]#": {}},
        "text": "ünï – \u0000 NFC é NFD e\u0301",
    }
    store.write(Write(KEY, item=item))
    assert store.get(KEY) == item | {"pk": "i1", "sk": "INGEST"}


def test_what_is_not_there_is_none(store: StateStore) -> None:
    assert store.get(KEY) is None


@pytest.mark.parametrize("name", ["", "x" * 2049, "\ud800"])
def test_under_a_name_that_no_key_can_be_there_is_nothing(store: StateStore, name: str) -> None:
    assert store.get(Key("ingests", name, "INGEST")) is None
    assert store.query("ingests", name) == Page([])
    assert store.query("ingests", "p", sk_prefix=name or "-") == Page([])
    assert store.query_index("by-course", name, limit=5) == Page([])


def test_what_was_given_out_or_in_is_a_copy(store: StateStore) -> None:
    item: dict[str, Any] = {"list": [1]}
    store.write(Write(KEY, item=item))
    item["list"].append(2)
    first = store.get(KEY)
    assert first is not None
    first["list"].append(3)
    assert store.get(KEY) == {"pk": "i1", "sk": "INGEST", "list": [1]}


def test_item_replaces_the_whole(store: StateStore) -> None:
    store.write(Write(KEY, item={"a": 1, "b": 2}))
    store.write(Write(KEY, item={"c": 3}))
    assert store.get(KEY) == {"pk": "i1", "sk": "INGEST", "c": 3}


def test_an_update_changes_what_it_names_and_nothing_else(store: StateStore) -> None:
    store.write(Write(KEY, item={"name": "old", "size": 5, "keep": "k", "drop": 1}))
    store.write(Write(KEY, assign={"name": "new"}, remove=["drop", "absent"], add={"size": -2}))
    assert store.get(KEY) == {"pk": "i1", "sk": "INGEST", "name": "new", "size": 3, "keep": "k"}


def test_an_update_makes_the_item_and_adds_to_nothing(store: StateStore) -> None:
    store.write(Write(KEY, add={"counter": 2}))
    store.write(Write(OTHER, assign={"name": "n"}))
    assert store.get(KEY) == {"pk": "i1", "sk": "INGEST", "counter": 2}
    assert store.get(OTHER) == {"pk": OTHER.pk, "sk": OTHER.sk, "name": "n"}


def test_delete_takes_away_and_may_be_repeated(store: StateStore) -> None:
    store.write(Write(KEY, item={}))
    store.write(Write(KEY, delete=True))
    store.write(Write(KEY, delete=True))
    assert store.get(KEY) is None


# --- conditions ---

HOLDS = [
    Condition("name", "exists"),
    Condition("other", "absent"),
    Condition("pk", "exists"),
    Condition("name", "equals", "n"),
    Condition("size", "equals", 5),
    Condition("nested", "equals", {"b": 1, "a": [True]}),
    Condition("other", "equals", None),
]
FAILS = [
    Condition("other", "exists"),
    Condition("other", "equals", 6),
    Condition("name", "absent"),
    Condition("name", "equals", "N"),
    Condition("name", "equals", None),
    Condition("size", "equals", "5"),
    Condition("nested", "equals", {"a": [False], "b": 1}),
]
# DynamoDB never takes one type for another; moto, being Python, takes 1 for True.
FAILS_BY_TYPE = [
    Condition("one", "equals", True),
    Condition("nested", "equals", {"a": [1], "b": 1}),
]
ITEM = {"name": "n", "size": 5, "one": 1, "nested": {"a": [True], "b": 1}}


@pytest.mark.parametrize("condition", HOLDS)
def test_conditions_that_hold(store: StateStore, condition: Condition) -> None:
    store.write(Write(KEY, item=ITEM))
    store.write(Write(KEY, assign={"done": True}, when=[condition]))
    found = store.get(KEY)
    assert found is not None
    assert found["done"] is True


@pytest.mark.parametrize("condition", FAILS)
def test_conditions_that_fail(store: StateStore, condition: Condition) -> None:
    expect_refusal(store, condition)


@pytest.mark.parametrize("condition", FAILS_BY_TYPE)
def test_types_are_not_mixed_up_in_memory(condition: Condition) -> None:
    expect_refusal(MemoryStateStore(), condition)


def expect_refusal(store: StateStore, failing: Condition) -> None:
    store.write(Write(KEY, item=ITEM))
    for write in (
        Write(KEY, assign={"done": True}, when=[Condition("name", "exists"), failing]),
        Write(KEY, item={"done": True}, when=[failing]),
        Write(KEY, delete=True, when=[failing]),
        Write(KEY, add={"size": 1}, when=[failing]),
        Write(KEY, when=[failing]),
    ):
        with pytest.raises(ConditionFailed):
            store.write(write)
    assert store.get(KEY) == ITEM | {"pk": "i1", "sk": "INGEST"}


@pytest.mark.parametrize(
    "condition", [Condition("name", "exists"), Condition("name", "equals", "x")]
)
def test_on_no_item_only_absence_holds(store: StateStore, condition: Condition) -> None:
    for write in (Write(KEY, item={}), Write(KEY, delete=True), Write(KEY, add={"n": 1})):
        with pytest.raises(ConditionFailed):
            store.write(Write(**{**_fields(write), "when": [condition]}))
    store.write(Write(KEY, item={}, when=[Condition("pk", "absent")]))
    assert store.get(KEY) is not None


def _fields(write: Write) -> dict[str, Any]:
    return {name: getattr(write, name) for name in Write.__dataclass_fields__}


# --- transactions ---


def test_a_transaction_is_applied_as_a_whole(store: StateStore) -> None:
    store.write(Write(KEY, item={"gone": 1}))
    third = Key("ingests", "i1", "EVENT#1")
    store.write(
        Write(KEY, delete=True, when=[Condition("gone", "equals", 1)]),
        Write(OTHER, item={"status": "in-progress"}),
        Write(third, add={"n": 1}),
        Write(Key("ingests", "i2", "INGEST"), when=[Condition("pk", "absent")]),
    )
    assert store.get(KEY) is None
    assert store.get(OTHER) == {"pk": OTHER.pk, "sk": OTHER.sk, "status": "in-progress"}
    assert store.get(third) == {"pk": "i1", "sk": "EVENT#1", "n": 1}
    assert store.get(Key("ingests", "i2", "INGEST")) is None


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_transaction_with_a_failed_condition_writes_nothing(
    store: StateStore, failing: int
) -> None:
    store.write(Write(KEY, item={"n": 1}))
    writes = [Write(OTHER, item={"n": 1}), Write(Key("ingests", "i3", "X"), add={"n": 1})]
    writes.insert(failing, Write(KEY, when=[Condition("n", "equals", 2)]))
    with pytest.raises(ConditionFailed, match="ingests i1 INGEST"):
        store.write(*writes)
    assert store.get(OTHER) is None
    assert store.get(Key("ingests", "i3", "X")) is None


def test_a_hundred_writes_are_one_transaction(store: StateStore) -> None:
    writes = [Write(Key("ingests", "p", f"{n:03d}"), item={"n": n}) for n in range(100)]
    store.write(*writes)
    assert len(sort_keys(store)) == 100


def test_nothing_to_write_is_no_error(store: StateStore) -> None:
    store.write()


@pytest.mark.parametrize(
    "writes",
    [
        [Write(Key("ingests", "p", str(n)), item={}) for n in range(101)],
        [Write(KEY, item={}), Write(KEY, delete=True)],
        [Write(KEY)],
        [Write(KEY, item={}, delete=True)],
        [Write(KEY, item={}, assign={"a": 1})],
        [Write(KEY, assign={"a": 1}, add={"a": 1})],
        [Write(KEY, assign={"sk": "other"})],
        [Write(KEY, item={"pk": "other"})],
        [Write(KEY, item={"size": 1.5})],
        [Write(KEY, item={"size": 10**38})],
        [Write(KEY, assign={"nested": {"list": [float("nan")]}})],
        [Write(KEY, item={"raw": b"bytes"})],
        [Write(KEY, item={"size": None})],
        [Write(KEY, assign={"size": None})],
        [Write(KEY, add={"a": True})],
        [Write(Key("ingests", "", "X"), item={})],
        [Write(Key("ingests", "p", "x" * 1025), item={})],
        [Write(Key("ingests", "\ud800", "X"), item={})],
    ],
)
def test_what_no_table_can_hold_is_refused_before_it_is_sent(
    store: StateStore, writes: list[Write]
) -> None:
    with pytest.raises((ValueError, TypeError)):
        store.write(*writes)
    assert store.get(KEY) is None
