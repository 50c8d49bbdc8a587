"""DynamoDB's form of the state store's writes: expressions in which every name is a placeholder."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from course_backfill.adapters.state_writes import demands_absence, is_check
from course_backfill.ports import Condition, Item, Key, Write

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize

Request = dict[str, Any]


def action(write: Write, table: str) -> dict[str, Request]:
    """The write as one action of a transaction: `{"Put": …}`, `Update`, `Delete` or a check.

    The parameters inside serve PutItem, UpdateItem and DeleteItem just as well.
    """
    names = _Placeholders()
    request: Request = {"TableName": table}
    if write.item is not None:
        verb = "Put"
        request["Item"] = to_attributes({**write.item, "pk": write.key.pk, "sk": write.key.sk})
    else:
        request["Key"] = to_key(write.key)
        verb = "Delete" if write.delete else "ConditionCheck" if is_check(write) else "Update"
    if verb == "Update":
        request["UpdateExpression"] = _update(write, names)
    if write.when:
        request["ConditionExpression"] = " AND ".join(
            _condition(condition, names) for condition in write.when
        )
    return {verb: request | names.as_request()}


def to_key(key: Key) -> Request:
    """The key in DynamoDB's typed form."""
    return to_attributes({"pk": key.pk, "sk": key.sk})


def to_attributes(item: Mapping[str, Any]) -> Request:
    """Attributes in DynamoDB's typed form; floats are refused with a TypeError."""
    return {name: _serialize(value) for name, value in item.items()}


def from_attributes(attributes: Mapping[str, Any]) -> Item:
    """The inverse of `to_attributes`."""
    return {name: _plain(_deserialize(value)) for name, value in attributes.items()}


class _Placeholders:
    """Gives each attribute and each value of a request its placeholder."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: Request = {}

    def name(self, attribute: str) -> str:
        return self._names.setdefault(attribute, f"#n{len(self._names)}")

    def value(self, value: Any) -> str:
        placeholder = f":v{len(self._values)}"
        self._values[placeholder] = _serialize(value)
        return placeholder

    def as_request(self) -> Request:
        request: Request = {}
        if self._names:
            request["ExpressionAttributeNames"] = {
                placeholder: attribute for attribute, placeholder in self._names.items()
            }
        if self._values:
            request["ExpressionAttributeValues"] = self._values
        return request


def _update(write: Write, names: _Placeholders) -> str:
    assigned = [
        f"{names.name(name)} = {names.value(value)}" for name, value in write.assign.items()
    ]
    added = [f"{names.name(name)} {names.value(amount)}" for name, amount in write.add.items()]
    clauses = {"SET": assigned, "REMOVE": [names.name(name) for name in write.remove], "ADD": added}
    return " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses.items() if parts)


def _condition(condition: Condition, names: _Placeholders) -> str:
    name = names.name(condition.attribute)
    if demands_absence(condition):
        return f"attribute_not_exists({name})"
    if condition.op == "exists":
        return f"attribute_exists({name})"
    return f"{name} = {names.value(condition.value)}"


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return int(value)
        case dict():
            return {name: _plain(part) for name, part in value.items()}
        case list():
            return [_plain(part) for part in value]
        case _:
            return value
