"""State: the tables, and the transactions that change them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Item = dict[str, Any]
"""Attributes of JSON types, numbers whole; what is null is left out."""


@dataclass(frozen=True, slots=True)
class Key:
    """Names an item: the table (`ingests` or `courses`), its partition and its sort key."""

    table: str
    pk: str
    sk: str


@dataclass(frozen=True, slots=True)
class Condition:
    """One demand on one attribute. Null is never stored: to equal None is to be absent."""

    attribute: str
    op: Literal["exists", "absent", "equals"]
    value: Any = None


@dataclass(frozen=True, slots=True)
class Write:
    """One write of a transaction; `when` must hold (all of it) or nothing is written.

    `item` replaces the whole item; otherwise `assign`, `remove` and `add` change attributes; with
    none of them, and `delete` unset, the write only checks. On an item that does not exist only
    `absent` conditions hold.
    """

    key: Key
    item: Item | None = None
    assign: Mapping[str, Any] = field(default_factory=dict)
    remove: Sequence[str] = ()
    add: Mapping[str, int] = field(default_factory=dict)
    delete: bool = False
    when: Sequence[Condition] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Some items of a query; `cursor` continues after them, None at the end."""

    items: list[Item]
    cursor: str | None = None


class StateStore(Protocol):
    """The tables, reached by key or index; reads by key are strongly consistent."""

    def get(self, key: Key) -> Item | None:
        """The item, with `pk` and `sk` among its attributes, or None."""
        ...

    def query(
        self, table: str, pk: str, *, sk_prefix: str = "", limit: int = 1000, after: str = ""
    ) -> Page:
        """Items of a partition whose sort key begins so and comes after `after`, in its order."""
        ...

    def query_index(
        self,
        index: str,
        partition: str,
        *,
        limit: int,
        after: str = "",
        before: str = "",
        descending: bool = False,
    ) -> Page:
        """Items of an index's partition whose sort attribute lies between the bounds, exclusively.

        The page's cursor is the last sort attribute given out: the next `after`, or `before` when
        descending. An index follows the table with a delay.
        """
        ...

    def count_index(self, index: str, partition: str) -> int:
        """How many items an index's partition has. It costs as much as reading them all."""
        ...

    def write(self, *writes: Write) -> None:
        """Applies at most 100 writes, all or none; on ConditionFailed nothing was written."""
        ...
