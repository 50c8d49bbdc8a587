"""The rules for writes and bounds that DynamoDB has, checked alike by it and its memory twin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from course_backfill.errors import InvalidInput, Problem
from course_backfill.ports import Condition, Write

MAX_WRITES = 100
MAX_PARTITION_BYTES = 2_048
MAX_SORT_BYTES = 1_024
MAX_DIGITS = 38

_KEYS = {"pk", "sk"}


def check_writes(writes: Sequence[Write]) -> None:
    """Raises ValueError or TypeError for a transaction that DynamoDB cannot hold."""
    if len(writes) > MAX_WRITES:
        raise ValueError(f"a transaction has at most {MAX_WRITES} writes, not {len(writes)}")
    keys = [write.key for write in writes]
    if len(set(keys)) < len(keys):
        raise ValueError("a transaction writes an item at most once")
    for write in writes:
        _check_write(write)


def check_bound(bound: str) -> None:
    """Raises InvalidInput for text that no sort attribute can be, as a stranger's cursor may be."""
    if bound and not _fits(bound, MAX_SORT_BYTES):
        raise InvalidInput(Problem("cursor", "expected a cursor that a list gave out"))


def can_exist(pk: str, sk: str = "any") -> bool:
    """Whether DynamoDB takes the key; under one that it refuses there is nothing to be found."""
    return _fits(pk, MAX_PARTITION_BYTES) and _fits(sk, MAX_SORT_BYTES)


def _fits(text: str, limit: int) -> bool:
    try:
        return 0 < len(text.encode()) <= limit
    except UnicodeEncodeError:
        return False


def demands_absence(condition: Condition) -> bool:
    """Whether the attribute must not be there."""
    is_null = condition.op == "equals" and condition.value is None
    return condition.op == "absent" or is_null


def is_check(write: Write) -> bool:
    """Whether the write changes nothing and only demands."""
    changes = write.assign or write.remove or write.add
    return write.item is None and not changes and not write.delete


def _check_write(write: Write) -> None:
    kinds = (write.item is not None, bool(write.assign or write.remove or write.add), write.delete)
    if sum(kinds) > 1:
        raise ValueError("a write replaces, changes or deletes an item, one of them")
    if is_check(write) and not write.when:
        raise ValueError("a write without change needs a condition")
    if not can_exist(write.key.pk, write.key.sk):
        raise ValueError("a partition key has 1 to 2048 bytes, a sort key 1 to 1024")
    _check_changes(write)
    for condition in write.when:
        _check_value(condition.value)


def _check_changes(write: Write) -> None:
    changed = [*write.assign, *write.remove, *write.add]
    if len(set(changed)) < len(changed):
        raise ValueError("a write changes an attribute at most once")
    if _KEYS & set(changed):
        raise ValueError("the keys of an item never change")
    for name in _KEYS & set(write.item or {}):
        if (write.item or {})[name] != getattr(write.key, name):
            raise ValueError("an item says another key than the write")
    assigned = {**(write.item or {}), **write.assign}
    if None in assigned.values():
        raise ValueError("null is not stored: leave the attribute out, or remove it")
    _check_value(assigned)
    for amount in write.add.values():
        if isinstance(amount, bool) or not isinstance(amount, int):
            raise TypeError("only whole numbers are added")


def _check_value(value: Any) -> None:
    match value:
        case None | bool() | str():
            return
        case int():
            if len(str(abs(value))) > MAX_DIGITS:
                raise ValueError("a number has at most 38 digits")
        case dict():
            if not all(isinstance(name, str) for name in value):
                raise TypeError("the names of attributes are texts")
            for part in value.values():
                _check_value(part)
        case list() | tuple():
            for part in value:
                _check_value(part)
        case _:
            raise TypeError(f"{type(value).__name__} is no JSON type with whole numbers")
