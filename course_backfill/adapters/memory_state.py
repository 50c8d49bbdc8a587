"""The state store in memory: the twin of DynamoDB, with faults that tests can bring about."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence, Set
from functools import cache
from typing import Any

from course_backfill.adapters.state_writes import (
    check_bound,
    check_writes,
    demands_absence,
    is_check,
)
from course_backfill.errors import ConditionFailed, StateUnavailable
from course_backfill.ports import Condition, Item, Key, Page, Write
from course_backfill.resources import INDEXES, Index, find_index

Hook = Callable[[Sequence[Write]], None]
Tables = dict[str, dict[tuple[str, str], Item]]
Partitions = defaultdict[tuple[str, str, str], dict[tuple[str, str], Item]]
"""Table, attribute and its value → the items that have it: of `pk`, and what indexes are by."""


_SCALARS = frozenset({str, int, bool, type(None)})
"""What most values are, and nobody need copy."""


class MemoryStateStore:
    """Holds the tables in dictionaries; safe to use from many threads.

    `before_write` runs before each write, and may itself write (a lost race) or raise (a conflict,
    throttling). What `after_write` raises is an answer that got lost: the write is done. Writes
    made by a hook call no hooks. While `is_unavailable`, every verb raises StateUnavailable.
    """

    def __init__(self) -> None:
        self.before_write: Hook | None = None
        self.after_write: Hook | None = None
        self.is_unavailable = False
        self._tables: Tables = {table: {} for table in INDEXES}
        self._partitions: Partitions = defaultdict(dict)
        self._lock = threading.RLock()
        self._within_hook = threading.local()

    def get(self, key: Key) -> Item | None:
        """The item, with `pk` and `sk` among its attributes, or None."""
        self._check_available()
        with self._lock:
            item: Item | None = _plain(self._find(key))
            return item

    def query(
        self, table: str, pk: str, *, sk_prefix: str = "", limit: int = 1000, after: str = ""
    ) -> Page:
        """Items of a partition whose sort key begins so and comes after `after`, in its order."""
        self._check_available()
        check_bound(after)
        with self._lock:
            items = [
                item
                for (_, sk), item in self._partition(table, "pk", pk)
                if sk.startswith(sk_prefix) and sk > after
            ]
            return _page(sorted(items, key=lambda item: str(item["sk"])), limit, "sk")

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
        """Items of an index's partition between the bounds; never behind the table."""
        self._check_available()
        check_bound(after)
        check_bound(before)
        table, shape = find_index(index)
        with self._lock:
            items = [
                item
                for _, item in self._partition(table, shape.partition, partition)
                if shape.sort in item
                and item[shape.sort] > after
                and (not before or item[shape.sort] < before)
            ]
            items.sort(
                key=lambda item: (str(item[shape.sort]), str(item["pk"]), str(item["sk"])),
                reverse=descending,
            )
            return _page(items, limit, shape.sort)

    def count_index(self, index: str, partition: str) -> int:
        """How many items an index's partition has."""
        self._check_available()
        table, shape = find_index(index)
        with self._lock:
            return sum(
                shape.sort in item for _, item in self._partition(table, shape.partition, partition)
            )

    def write(self, *writes: Write) -> None:
        """Applies at most 100 writes, all or none; on ConditionFailed nothing was written."""
        check_writes(writes)
        self._check_available()
        self._run(self.before_write, writes)
        with self._lock:
            for write in writes:
                self._demand(write)
            after = [(write.key, self._changed(write)) for write in writes if not is_check(write)]
            for key, item in after:
                self._store(key, item)
        self._run(self.after_write, writes)

    def backup(self) -> Tables:
        """All items as they are now."""
        with self._lock:
            return {
                table: {place: _plain(item) for place, item in items.items()}
                for table, items in self._tables.items()
            }

    def bring_back(self, backup: Tables) -> None:
        """All items are as they were then, and there are no others."""
        with self._lock:
            for table, items in self._tables.items():
                for pk, sk in list(items):
                    self._store(Key(table, pk, sk), None)
                for (pk, sk), item in backup[table].items():
                    self._store(Key(table, pk, sk), _plain(item))

    def _check_available(self) -> None:
        if self.is_unavailable:
            raise StateUnavailable("DynamoDB does not answer")

    def _run(self, hook: Hook | None, writes: Sequence[Write]) -> None:
        if hook is None or getattr(self._within_hook, "is_running", False):
            return
        self._within_hook.is_running = True
        try:
            hook(writes)
        finally:
            self._within_hook.is_running = False

    def _find(self, key: Key) -> Item | None:
        return self._tables[key.table].get((key.pk, key.sk))

    def _demand(self, write: Write) -> None:
        item = self._find(write.key) or {}
        if not all(_holds(condition, item) for condition in write.when):
            raise ConditionFailed(f"{write.key.table} {write.key.pk} {write.key.sk} is different")

    def _changed(self, write: Write) -> Item | None:
        if write.delete:
            return None
        keys = {"pk": write.key.pk, "sk": write.key.sk}
        if write.item is not None:
            item: Item = _plain(write.item) | keys
        else:
            item = (self._find(write.key) or {}) | _plain(dict(write.assign)) | keys
            for name in write.remove:
                item.pop(name, None)
            for name, amount in write.add.items():
                item[name] = _number(item.get(name, 0)) + amount
        _check_indexed(INDEXES[write.key.table], item)
        return item

    def _partition(
        self, table: str, name: str, value: str
    ) -> Iterable[tuple[tuple[str, str], Item]]:
        return self._partitions.get((table, name, value), {}).items()

    def _store(self, key: Key, item: Item | None) -> None:
        place = (key.pk, key.sk)
        before = self._tables[key.table].pop(place, {})
        for name in _partitioned_by(key.table) & before.keys():
            del self._partitions[key.table, name, before[name]][place]
        if item is not None:
            self._tables[key.table][place] = item
            for name in _partitioned_by(key.table) & item.keys():
                self._partitions[key.table, name, item[name]][place] = item


@cache
def _partitioned_by(table: str) -> Set[str]:
    return frozenset({"pk", *(index.partition for index in INDEXES[table])})


def _page(items: list[Item], limit: int, sort: str) -> Page:
    cursor = str(items[limit - 1][sort]) if len(items) > limit else None
    return Page(_plain(items[:limit]), cursor)


def _holds(condition: Condition, item: Item) -> bool:
    is_there = condition.attribute in item
    if demands_absence(condition):
        return not is_there
    if condition.op == "exists" or not is_there:
        return is_there
    return _same(item[condition.attribute], condition.value)


def _same(one: Any, other: Any) -> bool:
    # Python takes 1 for True; DynamoDB does not, and JSON does not either.
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("only a number can be added to")
    return value


def _plain(value: Any) -> Any:
    """A deep copy in JSON types, as the table gives it back: tuples are lists."""
    if isinstance(value, dict):
        return {
            name: part if type(part) in _SCALARS else _plain(part) for name, part in value.items()
        }
    if isinstance(value, list | tuple):
        return [part if type(part) in _SCALARS else _plain(part) for part in value]
    return value


def _check_indexed(indexes: Iterable[Index], item: Item) -> None:
    for index in indexes:
        for name in (index.partition, index.sort):
            if name in item and (not isinstance(item[name], str) or not item[name]):
                raise ValueError(f"{name} is a key of an index: only texts that are not empty")
