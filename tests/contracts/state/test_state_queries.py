"""Queries of the state store: pages, bounds and indexes, in memory and in DynamoDB."""

from __future__ import annotations

import pytest

from course_backfill.errors import InvalidInput
from course_backfill.ports import Key, StateStore, Write
from tests.contracts.state.items import KEY, put_all, sort_keys


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


def test_courses_are_found_by_their_last_audit_the_longest_unaudited_first(
    store: StateStore,
) -> None:
    for course, date in (("b", "2026-01-02"), ("a", "2026-01-03"), ("c", "2026-01-01")):
        item = {"statusKey": "migrated", "unauditedSince": date}
        store.write(Write(Key("courses", course, "COURSE"), item=item))
    store.write(Write(Key("courses", "d", "COURSE"), item={"statusKey": "migrated"}))
    page = store.query_index("courses-by-audit", "migrated", limit=5, before="2026-01-03")
    assert [item["pk"] for item in page.items] == ["c", "b"]
    assert len(store.query_index("courses-by-status", "migrated", limit=5).items) == 4


@pytest.mark.parametrize("cursor", ["x" * 1025, "\ud800"])
def test_a_stranger_s_cursor_is_refused(store: StateStore, cursor: str) -> None:
    with pytest.raises(InvalidInput):
        store.query("ingests", "p", after=cursor)
    with pytest.raises(InvalidInput):
        store.query_index("due", "due#1", limit=5, before=cursor)
    with pytest.raises(InvalidInput):
        store.query_index("due", "due#1", limit=5, after=cursor)


def test_an_index_counts_what_a_partition_has_also_beyond_one_answer(store: StateStore) -> None:
    created(store, "1", "2", course="d")
    for number in range(6):
        item = {"courseKey": "c", "createdKey": f"{number}", "fill": "x" * 350_000}
        store.write(Write(Key("ingests", f"large-{number}", "INGEST"), item=item))
    assert store.count_index("by-course", "c") == 6
    assert store.count_index("by-course", "d") == 2
    assert store.count_index("by-course", "nobody") == 0
