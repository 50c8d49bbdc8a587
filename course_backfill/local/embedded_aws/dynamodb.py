"""moto's DynamoDB where it differs: failed writes, repeated transactions, the cost of queries."""

import base64
import copy
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from moto.core.model import StructureShape
from moto.core.responses import ActionResult
from moto.core.serialize import JSONSerializer, Serialized
from moto.dynamodb.exceptions import DynamodbException
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

TOKEN_SECONDS = 600
"""For how long DynamoDB knows a ClientRequestToken again."""

ItemKey = tuple["EmbeddedTable", DynamoType, DynamoType | None]


class EmbeddedTable(Table):
    """A table whose queries look at one partition, where moto sorts the whole table for each."""

    _candidates: list[Item] | None = None
    _writing = False

    def query(
        self, hash_key: DynamoType | None, *args: Any, **kwargs: Any
    ) -> tuple[list[Item], int, dict[str, Any] | None]:
        # As the backend calls it, the index's name is the seventh argument behind the key.
        index_name = kwargs.get("index_name") or (args[6] if len(args) > 6 else None)
        conditions = kwargs.get("hash_key_conditions") or []
        if index_name is None and hash_key is not None:
            self._candidates = self._partition(hash_key)
        elif conditions:
            self._candidates = [item for item in self._items() if _matches(item, conditions)]
        try:
            return super().query(hash_key, *args, **kwargs)
        finally:
            self._candidates = None

    def all_items(self) -> list[Item]:
        return super().all_items() if self._candidates is None else self._candidates

    def sorted_items(
        self, hash_key_attrs: list[str], range_key_attrs: list[str | None], items: list[Item]
    ) -> list[Item]:
        # The same order as moto's, without a call of Python for every comparison.
        names = self._generate_attr_to_sort_by(hash_key_attrs, range_key_attrs)
        items.sort(key=lambda item: [item.attrs[name].cast_value for name in names])
        return items

    def _items(self) -> Iterator[Item]:
        for held in self.items.values():
            if self.has_range_key:
                yield from held.values()
            else:
                yield held  # type: ignore[misc] # moto types the nested form only.

    def _partition(self, hash_key: DynamoType) -> list[Item]:
        if hash_key not in self.items:
            return []
        held = self.items[hash_key]
        if not self.has_range_key:
            return [held]  # type: ignore[list-item] # moto types the nested form only.
        return sorted(held.values(), key=lambda item: item.range_key.cast_value)

    def __deepcopy__(self, memo: dict[int, Any]) -> "EmbeddedTable":
        if self._writing:
            # Before each transaction moto copies all tables in it; `_undone` does that better.
            return self
        duplicate = copy.copy(self)
        memo[id(self)] = duplicate
        vars(duplicate).update(copy.deepcopy(vars(self), memo))
        return duplicate

    def key_of(self, attributes: Mapping[str, Any]) -> ItemKey | None:
        """None where `attributes` do not hold a key of this table; moto refuses that itself."""
        try:
            hash_key = DynamoType(attributes[self.hash_key_attr])
            range_key = DynamoType(attributes[self.range_key_attr]) if self.range_key_attr else None
        except (KeyError, TypeError, IndexError, AttributeError):
            return None
        return self, hash_key, range_key

    def put_back(
        self, hash_key: DynamoType, range_key: DynamoType | None, item: Item | None
    ) -> None:
        """Puts back what was there before a write."""
        if item is None:
            held = self.items.get(hash_key, {})
            if range_key is None:
                self.items.pop(hash_key, None)
            else:
                held.pop(range_key, None)
        elif range_key is None:
            self.items[hash_key] = item  # type: ignore[assignment] # As moto's put_item does.
        else:
            self.items[hash_key][range_key] = item


class EmbeddedDynamoBackend(DynamoDBBackend):
    """Writes that fail leave nothing behind; the cost of a transaction is that of its own items."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.answered_tokens: dict[str, tuple[float, str]] = {}

    def update_item(self, table_name: str, key: dict[str, Any], *args: Any, **kwargs: Any) -> Item:
        with self._undone_on_failure([(table_name, key)]):
            return super().update_item(table_name, key, *args, **kwargs)

    def transact_write_items(self, transact_items: list[dict[str, Any]]) -> None:
        operations = [next(iter(entry.values())) for entry in transact_items if entry]
        written = [
            (operation.get("TableName", ""), operation.get("Key") or operation.get("Item") or {})
            for operation in operations
        ]
        with self._undone_on_failure(written):
            super().transact_write_items(transact_items)

    @contextmanager
    def _undone_on_failure(self, written: list[tuple[str, dict[str, Any]]]) -> Iterator[None]:
        keys = [key for name, attributes in written if (key := self._key(name, attributes))]
        before = [(key, copy.deepcopy(key[0].get_item(key[1], key[2]))) for key in keys]
        tables = {id(key[0]): key[0] for key in keys}.values()
        records = [
            (table.stream_shard, len(table.stream_shard.items))
            for table in tables
            if table.stream_shard is not None
        ]
        for table in tables:
            table._writing = True
        try:
            yield
        except Exception:
            for (table, hash_key, range_key), item in before:
                table.put_back(hash_key, range_key, item)
            for shard, count in records:
                del shard.items[count:]
            raise
        finally:
            for table in tables:
                table._writing = False

    def _key(self, table_name: str, attributes: dict[str, Any]) -> ItemKey | None:
        table = self.tables.get(table_name)
        return table.key_of(attributes) if isinstance(table, EmbeddedTable) else None


class EmbeddedDynamoHandler(DynamoHandler):
    """Answers one request; made anew for each."""

    def transact_write_items(self) -> ActionResult:
        """A repeated token changes nothing again; moto applies the transaction a second time."""
        token = self.body.get("ClientRequestToken")
        backend = self.dynamodb_backend
        if token is None or not isinstance(backend, EmbeddedDynamoBackend):
            return super().transact_write_items()
        now = time.monotonic()
        known = backend.answered_tokens
        for old in [name for name, (at, _) in known.items() if at < now - TOKEN_SECONDS]:
            del known[old]
        items = json.dumps(self.body["TransactItems"], sort_keys=True, default=str)
        if token in known:
            if known[token][1] != items:
                raise DynamodbException(
                    "com.amazonaws.dynamodb.v20120810#IdempotentParameterMismatchException",
                    "The client request token was used with other parameters before.",
                )
            return ActionResult({"ConsumedCapacity": [], "ItemCollectionMetrics": {}})
        answer = super().transact_write_items()
        known[token] = (now, items)
        return answer


class EmbeddedDynamoSerializer(JSONSerializer):
    """Writes values as the table holds them; moto looks for all ten types of each, by four names,
    which takes longer than everything else that it does."""

    def _serialize_type_structure(
        self, serialized: Serialized, value: Any, shape: StructureShape, key: str
    ) -> None:
        if shape.name == "AttributeValue":
            serialized[key] = _document(value)
        else:
            super()._serialize_type_structure(serialized, value, shape, key)


def _document(value: Any) -> Any:
    if isinstance(value, DynamoType):
        value = {value.type: value.value}
    if isinstance(value, dict):
        # Only the type of a value stands before a text; names in a map stand before values.
        return {
            name: _number(part) if name == "N" and isinstance(part, str) else _document(part)
            for name, part in value.items()
        }
    if isinstance(value, list):
        return [_document(part) for part in value]
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value


def _number(text: str) -> str:
    """As DynamoDB gives numbers back: without zeros that say nothing."""
    return text if text.isdigit() else f"{Decimal(text).normalize():f}"


def _matches(item: Item, conditions: list[tuple[str, DynamoType]]) -> bool:
    for name, wanted in conditions:
        found = item.attrs.get(name)
        if found is None or found.type != wanted.type:
            return False
        if found.value != wanted.value and (wanted.type != "N" or found != wanted):
            return False
    return True
