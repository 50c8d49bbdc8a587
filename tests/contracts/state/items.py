"""Items that the cases of state stores share."""

from __future__ import annotations

from typing import Any

from course_backfill.ports import Key, StateStore, Write

KEY = Key("ingests", "i1", "INGEST")
OTHER = Key("courses", "course-v1:Ünï+c+r", "COURSE")


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
