"""The state store: the same rules in memory and in DynamoDB."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from course_backfill.adapters.aws_clients import AwsClients
from course_backfill.adapters.dynamo_state import DynamoStateStore
from course_backfill.adapters.memory_state import MemoryStateStore
from course_backfill.adapters.setup_tables import create_table
from course_backfill.errors import ConditionFailed, InvalidInput
from course_backfill.ports import Condition, Key, Page, StateStore, Write
from course_backfill.resources import Resources
from course_backfill.settings import Settings

KEY = Key("ingests", "i1", "INGEST")
OTHER = Key("courses", "course-v1:Ünï+c+r", "COURSE")


@pytest.fixture(scope="module")
def tables(aws_endpoint: str) -> tuple[AwsClients, Settings]:
    settings = Settings(
        aws_endpoint_url=aws_endpoint, aws_region="eu-west-1", namespace="state-store"
    )
    clients = AwsClients.connect(settings)
    for table in Resources.of(settings).tables:
        create_table(clients.dynamodb, table)
    return clients, settings


@pytest.fixture(params=["memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> StateStore:
    if request.param == "memory":
        return MemoryStateStore()
    clients, settings = request.getfixturevalue("tables")
    empty(clients, settings)
    return DynamoStateStore(clients.dynamodb, settings.namespace)


def empty(clients: AwsClients, settings: Settings) -> None:
    """Deletes what an earlier test left in the tables."""
    for table in Resources.of(settings).tables:
        for page in clients.dynamodb.get_paginator("scan").paginate(TableName=table.name):
            for item in page["Items"]:
                key = {name: item[name] for name in ("pk", "sk")}
                clients.dynamodb.delete_item(TableName=table.name, Key=key)


def sort_keys(store: StateStore, pk: str = "p", **bounds: Any) -> list[str]:
    """Every sort key that paging through a query gives."""
    found, page = [], store.query("ingests", pk, **bounds)
    found += [item["sk"] for item in page.items]
    while page.cursor:
        page = store.query("ingests", pk, **bounds | {"after": page.cursor})
        found += [item["sk"] for item in page.items]
    return found


def put_all(store: StateStore, *sort: str) -> None:
    for sk in sort:
        store.write(Write(Key("ingests", "p", sk), item={}))


# --- items ---


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
    ("name", "exists", None),
    ("other", "absent", None),
    ("pk", "exists", None),
    ("name", "equals", "n"),
    ("size", "equals", 5),
    ("nested", "equals", {"b": 1, "a": [True]}),
    ("other", "equals", None),
    ("name", "one-of", ["m", "n"]),
    ("size", "one-of", ["5", 5]),
    ("size", "less", 6),
    ("name", "less", "o"),
    ("name", "less", "é"),
]
FAILS = [
    ("other", "exists", None),
    ("name", "absent", None),
    ("name", "equals", "N"),
    ("name", "equals", None),
    ("size", "equals", "5"),
    ("nested", "equals", {"a": [False], "b": 1}),
    ("name", "one-of", ["m"]),
    ("size", "less", 5),
    ("other", "less", 6),
]
# DynamoDB never takes one type for another; moto, being Python, takes 1 for True.
FAILS_BY_TYPE = [
    ("one", "equals", True),
    ("nested", "equals", {"a": [1], "b": 1}),
    ("size", "less", "6"),
]
ITEM = {"name": "n", "size": 5, "one": 1, "nested": {"a": [True], "b": 1}}


@pytest.mark.parametrize(("attribute", "op", "value"), HOLDS)
def test_conditions_that_hold(store: StateStore, attribute: str, op: str, value: Any) -> None:
    store.write(Write(KEY, item=ITEM))
    store.write(Write(KEY, assign={"done": True}, when=[Condition(attribute, op, value)]))
    found = store.get(KEY)
    assert found is not None
    assert found["done"] is True


@pytest.mark.parametrize(("attribute", "op", "value"), FAILS)
def test_conditions_that_fail(store: StateStore, attribute: str, op: str, value: Any) -> None:
    expect_refusal(store, attribute, op, value)


@pytest.mark.parametrize(("attribute", "op", "value"), FAILS_BY_TYPE)
def test_types_are_not_mixed_up_in_memory(attribute: str, op: str, value: Any) -> None:
    expect_refusal(MemoryStateStore(), attribute, op, value)


def expect_refusal(store: StateStore, attribute: str, op: str, value: Any) -> None:
    store.write(Write(KEY, item=ITEM))
    failing = Condition(attribute, op, value)
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


@pytest.mark.parametrize("op", ["exists", "equals", "one-of", "less"])
def test_on_no_item_only_absence_holds(store: StateStore, op: str) -> None:
    value = ["x"] if op == "one-of" else "x"
    for write in (Write(KEY, item={}), Write(KEY, delete=True), Write(KEY, add={"n": 1})):
        with pytest.raises(ConditionFailed):
            store.write(Write(**{**_fields(write), "when": [Condition("name", op, value)]}))
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
        [Write(KEY, item={}, when=[Condition("a", "one-of", [None])])],
        [Write(KEY, add={"a": True})],
        [Write(KEY, item={}, when=[Condition("a", "like", "b")])],
        [Write(KEY, item={}, when=[Condition("a", "one-of", [])])],
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


# --- queries ---


def test_a_query_gives_a_partition_in_bytewise_order(store: StateStore) -> None:
    sort = ["Z", "a", "a#1", "a#10", "a#2", "b", "é", "😀", "ﬀ"]
    put_all(store, *sort[::-1])
    store.write(Write(Key("ingests", "q", "a"), item={}))
    store.write(Write(Key("courses", "p", "c"), item={}))
    expected = sorted(sort, key=lambda text: text.encode())
    assert sort_keys(store) == expected
    for limit in (1, 2, 3, len(sort)):
        assert sort_keys(store, limit=limit) == expected


def test_a_page_that_ends_the_query_has_no_cursor(store: StateStore) -> None:
    put_all(store, "a", "b")
    assert store.query("ingests", "p", limit=2).cursor is None
    assert store.query("ingests", "p", limit=1).cursor == "a"
    assert store.query("ingests", "nobody").items == []


@pytest.mark.parametrize(
    ("prefix", "after", "expected"),
    [
        ("", "b", ["b#", "b#1", "b#2", "c"]),
        ("b", "", ["b", "b#", "b#1", "b#2"]),
        ("b#", "", ["b#", "b#1", "b#2"]),
        ("b#", "b#", ["b#1", "b#2"]),
        ("b#", "b#15", ["b#2"]),  # Continues from where an item was, too.
        ("b#", "b#2", []),
        ("b#", "a", ["b#", "b#1", "b#2"]),
        ("b#", "c", []),
        ("x", "", []),
    ],
)
def test_a_query_takes_prefix_and_start(
    store: StateStore, prefix: str, after: str, expected: list[str]
) -> None:
    put_all(store, "a", "b", "b#", "b#1", "b#2", "c")
    for limit in (1, 100):
        assert sort_keys(store, sk_prefix=prefix, after=after, limit=limit) == expected


def test_a_query_pages_beyond_what_one_answer_holds(store: StateStore) -> None:
    for n in range(6):
        store.write(Write(Key("ingests", "p", f"{n}"), item={"fill": "x" * 350_000}))
    assert sort_keys(store) == ["0", "1", "2", "3", "4", "5"]
    assert len(store.query("ingests", "p").items) == 6


# --- indexes ---


def created(store: StateStore, *keys: str, course: str = "c") -> None:
    for key in keys:
        item = {"courseKey": course, "createdKey": key, "statusKey": "failed", "other": 1}
        store.write(Write(Key("ingests", f"i-{key}", "INGEST"), item=item))


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({}, ["1", "2", "3", "4"]),
        ({"after": "2"}, ["3", "4"]),
        ({"before": "3"}, ["1", "2"]),
        ({"after": "1", "before": "4"}, ["2", "3"]),
        ({"after": "2", "before": "3"}, []),
        ({"after": "3", "before": "2"}, []),
        ({"after": "2", "before": "2"}, []),
        ({"after": "15", "before": "35"}, ["2", "3"]),
    ],
)
def test_an_index_gives_what_lies_between_the_bounds(
    store: StateStore, bounds: dict[str, str], expected: list[str]
) -> None:
    created(store, "3", "1", "4", "2")
    created(store, "9", course="d")
    for descending in (False, True):
        in_order = expected[::-1] if descending else expected
        for limit in (1, 2, 100):
            assert _created_keys(store, bounds, limit, descending) == in_order


def _created_keys(
    store: StateStore, bounds: dict[str, str], limit: int, descending: bool
) -> list[str]:
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        if cursor:
            bounds = bounds | {"before" if descending else "after": cursor}
        page = store.query_index("by-course", "c", limit=limit, descending=descending, **bounds)
        assert len(page.items) <= limit
        assert page.cursor is None or len(page.items) == limit
        found += [item["createdKey"] for item in page.items]
        cursor = page.cursor
    return found


def test_an_index_gives_whole_items(store: StateStore) -> None:
    created(store, "1")
    [item] = store.query_index("by-status", "failed", limit=5).items
    assert item == store.get(Key("ingests", "i-1", "INGEST"))


def test_an_item_without_the_attributes_is_in_no_index(store: StateStore) -> None:
    store.write(Write(KEY, item={"dueShard": "due#1"}))
    assert store.query_index("due", "due#1", limit=5).items == []
    store.write(Write(KEY, assign={"dueDate": "2026-01-01"}))
    assert len(store.query_index("due", "due#1", limit=5, before="2026-01-02").items) == 1
    store.write(Write(KEY, remove=["dueShard"]))
    assert store.query_index("due", "due#1", limit=5).items == []


def test_items_may_share_a_sort_attribute(store: StateStore) -> None:
    for n in range(3):
        item = {"dueShard": "due#1", "dueDate": "2026-01-01"}
        store.write(Write(Key("ingests", f"i{n}", "DUE#watch"), item=item))
    page = store.query_index("due", "due#1", limit=5, before="2026-01-02")
    assert sorted(item["pk"] for item in page.items) == ["i0", "i1", "i2"]


def test_courses_are_in_their_index_by_key(store: StateStore) -> None:
    for course in ("b", "a"):
        store.write(Write(Key("courses", course, "COURSE"), item={"statusKey": "failed"}))
    page = store.query_index("courses-by-status", "failed", limit=1)
    assert ([item["pk"] for item in page.items], page.cursor) == (["a"], "a")
    page = store.query_index("courses-by-status", "failed", limit=1, after="a")
    assert ([item["pk"] for item in page.items], page.cursor) == (["b"], None)


@pytest.mark.parametrize("cursor", ["x" * 1025, "\ud800"])
def test_a_stranger_s_cursor_is_refused(store: StateStore, cursor: str) -> None:
    with pytest.raises(InvalidInput):
        store.query("ingests", "p", after=cursor)
    with pytest.raises(InvalidInput):
        store.query_index("due", "due#1", limit=5, before=cursor)
    with pytest.raises(InvalidInput):
        store.query_index("due", "due#1", limit=5, after=cursor)


# --- races ---


def race(work: Callable[[int], object], threads: int = 16) -> list[bool]:
    """Which of the threads, all let go at once, got through without ConditionFailed."""
    start = threading.Barrier(threads)

    def run(number: int) -> bool:
        start.wait()
        try:
            work(number)
        except ConditionFailed:
            return False
        return True

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


@pytest.mark.parametrize("kind", ["put", "update", "transaction"])
def test_a_race_has_exactly_one_winner(store: StateStore, kind: str) -> None:
    absent = [Condition("winner", "absent")]

    def work(number: int) -> None:
        if kind == "put":
            store.write(Write(KEY, item={"winner": number}, when=absent))
        elif kind == "update":
            store.write(Write(KEY, assign={"winner": number}, when=absent))
        else:
            store.write(
                Write(KEY, assign={"winner": number}, when=absent),
                Write(Key("ingests", "p", f"{number}"), item={}),
            )

    won = race(work)
    assert won.count(True) == 1
    found = store.get(KEY)
    assert found is not None
    assert found["winner"] == won.index(True)
    if kind == "transaction":
        assert sort_keys(store) == [str(won.index(True))]


def test_no_addition_is_lost(store: StateStore) -> None:
    race(lambda _: store.write(Write(KEY, add={"n": 1}), Write(OTHER, add={"n": 2})))
    one, other = store.get(KEY), store.get(OTHER)
    assert one is not None
    assert other is not None
    assert (one["n"], other["n"]) == (16, 32)


def test_transactions_that_race_are_all_or_nothing(store: StateStore) -> None:
    """Sixteen transfers between two counters: the sum stays whatever the order."""
    store.write(Write(KEY, item={"n": 4}), Write(OTHER, item={"n": 0}))

    def transfer(_: int) -> None:
        while True:
            item = store.get(KEY)
            assert item is not None
            left = item["n"]
            enough = Condition("n", "one-of", [1, 2, 3, 4])
            same = Condition("n", "equals", left)
            try:
                store.write(
                    Write(KEY, assign={"n": left - 1}, when=[enough, same]),
                    Write(OTHER, add={"n": 1}),
                )
            except ConditionFailed:
                if left == 0:
                    raise
            else:
                return

    won = race(transfer)
    one, other = store.get(KEY), store.get(OTHER)
    assert one is not None
    assert other is not None
    assert (one["n"], other["n"], won.count(True)) == (0, 4, 4)
