"""The state store in DynamoDB."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from course_backfill.adapters.aws_errors import DYNAMODB, THROTTLES, error_code, named_errors
from course_backfill.adapters.backoff import Backoff, Sleep
from course_backfill.adapters.dynamo_requests import (
    action,
    from_attributes,
    to_attributes,
    to_key,
)
from course_backfill.adapters.state_writes import can_exist, check_bound, check_writes
from course_backfill.errors import ConditionFailed, StateUnavailable
from course_backfill.ports import Item, Key, Page, Write
from course_backfill.resources import find_index, table_name

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

CONFLICTS = Backoff(tries=12, first=0.05, longest=2.0)

_CONFLICTS = {"TransactionConflict", "TransactionConflictException"} | THROTTLES

# A condition on a sort key knows no open range with two ends: items at the ends are dropped here.
_BETWEEN = {
    (): "",
    (":a",): " AND #s > :a",
    (":b",): " AND #s < :b",
    (":a", ":b"): " AND #s BETWEEN :a AND :b",
}


class DynamoStateStore:
    """The tables of one namespace; safe to use from many threads.

    Throttling and lost connections are the client's to retry. Conflicts of transactions, which it
    does not know, are retried here with capped, jittered gaps. Beyond that: StateUnavailable.
    A transaction whose answer was lost is not applied twice (it carries a token). A conditional
    write of one item may then end in ConditionFailed though it was applied: read, then decide.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        namespace: str,
        *,
        sleep: Sleep = time.sleep,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._sleep = sleep

    def get(self, key: Key) -> Item | None:
        """The item, with `pk` and `sk` among its attributes, or None."""
        if not can_exist(key.pk, key.sk):
            return None
        with named_errors(DYNAMODB):
            answer = self._client.get_item(
                TableName=self._table(key.table), Key=to_key(key), ConsistentRead=True
            )
        return from_attributes(answer["Item"]) if "Item" in answer else None

    def query(
        self, table: str, pk: str, *, sk_prefix: str = "", limit: int = 1000, after: str = ""
    ) -> Page:
        """Items of a partition whose sort key begins so and comes after `after`, in its order."""
        check_bound(after)
        is_beyond = after >= sk_prefix and not after.startswith(sk_prefix)
        if is_beyond or not can_exist(pk, sk_prefix or "any"):
            return Page([])
        request: dict[str, Any] = {
            "TableName": self._table(table),
            "ConsistentRead": True,
            "KeyConditionExpression": "#p = :p",
            "ExpressionAttributeNames": {"#p": "pk"},
            "ExpressionAttributeValues": to_attributes({":p": pk}),
        }
        if sk_prefix:
            request["KeyConditionExpression"] += " AND begins_with(#s, :s)"
            request["ExpressionAttributeNames"]["#s"] = "sk"
            request["ExpressionAttributeValues"] |= to_attributes({":s": sk_prefix})
        if after and after.startswith(sk_prefix):
            request["ExclusiveStartKey"] = to_attributes({"pk": pk, "sk": after})
        return _page(self._items(request, limit), limit, "sk")

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
        """Items of an index's partition between the bounds; an index follows with a delay."""
        check_bound(after)
        check_bound(before)
        if (before and after >= before) or not can_exist(partition):
            return Page([])
        table, shape = find_index(index)
        bounds = {name: bound for name, bound in ((":a", after), (":b", before)) if bound}
        names = {"#p": shape.partition} | ({"#s": shape.sort} if bounds else {})
        request: dict[str, Any] = {
            "TableName": self._table(table),
            "IndexName": index,
            "ScanIndexForward": not descending,
            "KeyConditionExpression": "#p = :p" + _BETWEEN[tuple(bounds)],
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": to_attributes({":p": partition, **bounds}),
        }
        found = self._items(request, limit)
        inside = (item for item in found if item[shape.sort] not in bounds.values())
        return _page(inside, limit, shape.sort)

    def count_index(self, index: str, partition: str) -> int:
        """How many items an index's partition has; a request for each MB of them."""
        if not can_exist(partition):
            return 0
        table, shape = find_index(index)
        request: dict[str, Any] = {
            "TableName": self._table(table),
            "IndexName": index,
            "Select": "COUNT",
            "KeyConditionExpression": "#p = :p",
            "ExpressionAttributeNames": {"#p": shape.partition},
            "ExpressionAttributeValues": to_attributes({":p": partition}),
        }
        with named_errors(DYNAMODB):
            pages = self._client.get_paginator("query").paginate(**request)
            return sum(page["Count"] for page in pages)

    def write(self, *writes: Write) -> None:
        """Applies at most 100 writes, all or none; on ConditionFailed nothing was written."""
        check_writes(writes)
        if not writes:
            return
        actions = [action(write, self._table(write.key.table)) for write in writes]
        verb, request = next(iter(actions[0].items()))
        # Adding is not idempotent and needs a transaction's token; a mere check exists only there.
        if len(writes) > 1 or writes[0].add or verb == "ConditionCheck":
            self._through_conflicts(
                lambda: self._client.transact_write_items(
                    TransactItems=cast("list[TransactWriteItemTypeDef]", actions),
                    ClientRequestToken=str(uuid.uuid4()),
                ),
                writes,
            )
        else:
            send: dict[str, Callable[..., Any]] = {
                "Put": self._client.put_item,
                "Update": self._client.update_item,
                "Delete": self._client.delete_item,
            }
            self._through_conflicts(lambda: send[verb](**request), writes)

    def _through_conflicts(
        self, send: Callable[[], Mapping[str, Any]], writes: tuple[Write, ...]
    ) -> None:
        for _ in CONFLICTS.attempts(self._sleep):
            try:
                with named_errors(DYNAMODB):
                    send()
            except ClientError as error:
                failed = _failed_conditions(error, writes)
                if failed:
                    raise ConditionFailed(f"{', '.join(failed)}: is different") from error
                if not _is_conflict(error):
                    raise
            else:
                return
        raise StateUnavailable(f"DynamoDB still reports conflicts after {CONFLICTS.tries} tries")

    def _items(self, request: dict[str, Any], limit: int) -> Iterator[Item]:
        """Pages through a query, with one item more than the page that is wanted."""
        request = request | {"Limit": limit + 1}
        while True:
            with named_errors(DYNAMODB):
                answer = self._client.query(**request)
            for attributes in answer["Items"]:
                yield from_attributes(attributes)
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _table(self, table: str) -> str:
        return table_name(self._namespace, table)


def _page(items: Iterator[Item], limit: int, sort: str) -> Page:
    found: list[Item] = []
    for item in items:
        if len(found) == limit:
            return Page(found, str(found[-1][sort]))
        found.append(item)
    return Page(found)


def _reasons(error: ClientError) -> list[str]:
    """Why each write of a cancelled transaction was refused: `None` where it was not."""
    return [str(one.get("Code")) for one in error.response.get("CancellationReasons", [])]


def _failed_conditions(error: ClientError, writes: tuple[Write, ...]) -> list[str]:
    codes = _reasons(error) or [error_code(error)]
    keys = [f"{write.key.table} {write.key.pk} {write.key.sk}" for write in writes]
    return [
        key
        for key, code in zip(keys, codes, strict=False)
        if code.startswith("ConditionalCheckFailed")
    ]


def _is_conflict(error: ClientError) -> bool:
    codes = set(_reasons(error) or [error_code(error)]) - {"None"}
    return bool(codes) and codes <= _CONFLICTS
