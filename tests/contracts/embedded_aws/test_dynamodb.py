"""DynamoDB: writes are whole or not at all, whoever writes at the same time."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.contracts.embedded_aws.refusals import refused

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

AT_ONCE = 12
ADD_ONE: dict[str, Any] = {
    "UpdateExpression": "ADD amount :one",
    "ExpressionAttributeValues": {":one": {"N": "1"}},
}


@pytest.fixture
def table(dynamodb: DynamoDBClient) -> str:
    name = f"table-{uuid.uuid4().hex}"
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "due")
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_due",
                "KeySchema": [
                    {"AttributeName": "due", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    return name


def key(pk: str, sk: str = "a") -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def put(table: str, pk: str, **condition: str) -> dict[str, Any]:
    return {"Put": {"TableName": table, "Item": key(pk), **condition}}


def found(dynamodb: DynamoDBClient, table: str) -> set[str]:
    return {item["pk"]["S"] for item in dynamodb.scan(TableName=table)["Items"]}


def test_values_of_every_type_come_back_as_they_were(dynamodb: DynamoDBClient, table: str) -> None:
    values: list[dict[str, Any]] = [
        {"S": ""},
        {"N": "-1.5"},
        {"B": b"\x00\xff"},
        {"BOOL": False},
        {"NULL": True},
        {"SS": ["a", "b"]},
        {"NS": ["1"]},
        {"BS": [b"\xff"]},
        {"L": []},
        {"M": {}},
    ]
    item: dict[str, Any] = {
        **key("x"),
        **{f"of {next(iter(value))}": value for value in values},
        "nested": {"M": {"list": {"L": [*values, {"L": values}]}}},
    }
    dynamodb.put_item(TableName=table, Item=item)
    assert dynamodb.get_item(TableName=table, Key=key("x"))["Item"] == item
    update: dict[str, Any] = {"TableName": table, "Key": key("x"), **ADD_ONE}
    updated = dynamodb.update_item(**update, ReturnValues="ALL_NEW")["Attributes"]
    assert updated == item | {"amount": {"N": "1"}}


@pytest.mark.parametrize(
    ("given", "stored"), [("1.50", "1.5"), ("-0.10", "-0.1"), ("2.0", "2"), ("1E+2", "100")]
)
def test_numbers_lose_zeros_that_say_nothing(
    dynamodb: DynamoDBClient, table: str, given: str, stored: str
) -> None:
    dynamodb.put_item(TableName=table, Item={**key("x"), "amount": {"N": given}})
    assert dynamodb.get_item(TableName=table, Key=key("x"))["Item"]["amount"] == {"N": stored}


def test_of_many_transactions_at_once_exactly_one_wins(
    dynamodb: DynamoDBClient, table: str
) -> None:
    def register(number: int) -> bool:
        own = put(table, f"own-{number}")
        one = put(table, "one", ConditionExpression="attribute_not_exists(pk)")
        try:
            dynamodb.transact_write_items(TransactItems=[own, one])  # type: ignore[list-item]  # Plain mappings do.
        except dynamodb.exceptions.TransactionCanceledException:
            return False
        return True

    with ThreadPoolExecutor(AT_ONCE) as workers:
        won = list(workers.map(register, range(AT_ONCE)))
    assert sum(won) == 1
    assert found(dynamodb, table) == {"one", f"own-{won.index(True)}"}


def test_no_transaction_is_lost_beside_others(dynamodb: DynamoDBClient, table: str) -> None:
    def write(number: int) -> None:
        add: Any = {"Update": {"TableName": table, "Key": key("sum"), **ADD_ONE}}
        dynamodb.transact_write_items(TransactItems=[put(table, f"{number}"), add])  # type: ignore[list-item]  # Plain mappings do.

    with ThreadPoolExecutor(AT_ONCE) as workers:
        list(workers.map(write, range(60)))
    assert len(found(dynamodb, table)) == 61
    item = dynamodb.get_item(TableName=table, Key=key("sum"), ConsistentRead=True)["Item"]
    assert item["amount"] == {"N": "60"}


def test_a_cancelled_transaction_leaves_everything_as_it_was(
    dynamodb: DynamoDBClient, table: str
) -> None:
    kept = {**key("kept"), "list": {"L": [{"S": "x"}]}}
    dynamodb.put_item(TableName=table, Item=kept)
    dynamodb.put_item(TableName=table, Item=key("deleted"))
    update: Any = {
        "TableName": table,
        "Key": key("kept"),
        "UpdateExpression": "SET #l[0] = :y",
        "ExpressionAttributeNames": {"#l": "list"},
        "ExpressionAttributeValues": {":y": {"S": "y"}},
    }
    never: Any = {
        "TableName": table,
        "Key": key("other"),
        "ConditionExpression": "attribute_exists(pk)",
    }
    items: Any = [
        {"Update": update},
        {"Delete": {"TableName": table, "Key": key("deleted")}},
        put(table, "new"),
        {"ConditionCheck": never},
    ]
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as caught:
        dynamodb.transact_write_items(TransactItems=items)
    reasons = [reason["Code"] for reason in caught.value.response["CancellationReasons"]]
    assert reasons == ["None", "None", "None", "ConditionalCheckFailed"]
    assert found(dynamodb, table) == {"kept", "deleted"}
    assert dynamodb.get_item(TableName=table, Key=key("kept"))["Item"] == kept


def test_a_failed_update_makes_no_item(dynamodb: DynamoDBClient, table: str) -> None:
    with refused("ValidationException", 400):
        dynamodb.update_item(
            TableName=table, Key=key("new"), UpdateExpression="SET a = b", ReturnValues="NONE"
        )
    assert found(dynamodb, table) == set()


def test_a_repeated_token_applies_once(dynamodb: DynamoDBClient, table: str) -> None:
    items: Any = [{"Update": {"TableName": table, "Key": key("sum"), **ADD_ONE}}]
    token = uuid.uuid4().hex
    for _ in range(3):
        dynamodb.transact_write_items(TransactItems=items, ClientRequestToken=token)
    item = dynamodb.get_item(TableName=table, Key=key("sum"), ConsistentRead=True)["Item"]
    assert item["amount"] == {"N": "1"}
    with refused("IdempotentParameterMismatchException", 400):
        dynamodb.transact_write_items(
            TransactItems=[put(table, "x")],  # type: ignore[list-item]  # A plain mapping does.
            ClientRequestToken=token,
        )


def test_queries_read_their_partition_in_order(dynamodb: DynamoDBClient, table: str) -> None:
    for pk in ("p", "q"):
        for sk in ("10", "9", "é", "Z", "a"):
            due = {"due": {"S": "now"}} if sk != "Z" else {}
            dynamodb.put_item(TableName=table, Item={**key(pk, sk), **due})
    pages = dynamodb.get_paginator("query")
    partition = pages.paginate(
        TableName=table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "p"}},
        PaginationConfig={"PageSize": 2},
    )
    assert [item["sk"]["S"] for page in partition for item in page["Items"]] == [
        "10",
        "9",
        "Z",
        "a",
        "é",
    ]
    indexed = pages.paginate(
        TableName=table,
        IndexName="by_due",
        KeyConditionExpression="due = :due AND sk < :last",
        ExpressionAttributeValues={":due": {"S": "now"}, ":last": {"S": "b"}},
        PaginationConfig={"PageSize": 2},
    )
    assert [(item["pk"]["S"], item["sk"]["S"]) for page in indexed for item in page["Items"]] == [
        (pk, sk) for sk in ("10", "9", "a") for pk in ("p", "q")
    ]
