"""Makes and checks the DynamoDB tables of an installation."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from course_backfill.adapters.aws_errors import error_code, is_not_offered
from course_backfill.dead_letters import DEAD, INDEX
from course_backfill.errors import StateUnavailable
from course_backfill.findings import Finding
from course_backfill.resources import Index, Table, find_index

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        AttributeDefinitionTypeDef,
        GlobalSecondaryIndexUnionTypeDef,
        KeySchemaElementTypeDef,
        TableDescriptionTypeDef,
    )

_GAP_SECONDS = 2
_LONGEST_WAIT_SECONDS = 600


def create_table(
    client: DynamoDBClient, table: Table, *, sleep: Callable[[float], None] = time.sleep
) -> Finding:
    """Makes the table, or what it still lacks, and waits until it can be used."""
    done = "is there"
    if _describe(client, table) is None:
        _create(client, table)
        done = "created"
    for index in table.indexes:
        if index.name not in _index_states(_settled(client, table, sleep)):
            _add_index(client, table, index)
            done = "index added"
    _settled(client, table, sleep)
    backups = _turn_backups_on(client, table)
    return Finding(f"table {table.name}", True, f"{done}; {backups}")


def check_table(client: DynamoDBClient, table: Table) -> Finding:
    """Whether the table and each of its indexes can be used."""
    name = f"table {table.name}"
    found = _describe(client, table)
    if found is None:
        return Finding(name, False, "is not there", "course-backfill setup")
    states = _index_states(found)
    missing = [index.name for index in table.indexes if index.name not in states]
    if missing:
        return Finding(name, False, f"lacks index {', '.join(missing)}", "course-backfill setup")
    unready = [f"index {index} is {state}" for index, state in states.items() if state != "ACTIVE"]
    if found.get("TableStatus") != "ACTIVE":
        unready.append(f"the table is {found.get('TableStatus')}")
    if unready:
        return Finding(name, False, "; ".join(unready), "Wait until DynamoDB has finished")
    return Finding(name, True, "active, with every index")


def check_recorded_dead_letters(client: DynamoDBClient, table: Table) -> Finding:
    """Whether any message lies dead: those that the janitor has taken in from the queues."""
    name = "dead letters taken in"
    if _describe(client, table) is None:
        return Finding(name, False, "their table is not there", "course-backfill setup")
    _, shape = find_index(INDEX)
    found = client.query(
        TableName=table.name,
        IndexName=INDEX,
        Select="COUNT",
        KeyConditionExpression="#p = :p",
        ExpressionAttributeNames={"#p": shape.partition},
        ExpressionAttributeValues={":p": {"S": DEAD}},
    )
    if found["Count"] == 0:
        return Finding(name, True, "none")
    amount = f"{found['Count']} or more" if "LastEvaluatedKey" in found else str(found["Count"])
    action = (
        "course-backfill dead-letters shows each; when its cause is gone, course-backfill redrive"
    )
    return Finding(name, False, f"{amount}, not sent again yet", action)


def _describe(client: DynamoDBClient, table: Table) -> TableDescriptionTypeDef | None:
    try:
        return client.describe_table(TableName=table.name)["Table"]
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            return None
        raise


def _create(client: DynamoDBClient, table: Table) -> None:
    try:
        client.create_table(
            TableName=table.name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=_keys("pk", "sk"),
            AttributeDefinitions=_attributes(table),
            GlobalSecondaryIndexes=[_shape(index) for index in table.indexes],
            DeletionProtectionEnabled=True,
        )
    except ClientError as error:
        # Another setup was faster.
        if error_code(error) != "ResourceInUseException":
            raise


def _add_index(client: DynamoDBClient, table: Table, index: Index) -> None:
    client.update_table(
        TableName=table.name,
        AttributeDefinitions=_attributes(table),
        GlobalSecondaryIndexUpdates=[
            {
                "Create": {
                    "IndexName": index.name,
                    "KeySchema": _keys(index.partition, index.sort),
                    "Projection": {"ProjectionType": "ALL"},
                }
            }
        ],
    )


def _settled(
    client: DynamoDBClient, table: Table, sleep: Callable[[float], None]
) -> TableDescriptionTypeDef:
    """The table as soon as nothing of it is being made; one index at a time can be added."""
    for _ in range(_LONGEST_WAIT_SECONDS // _GAP_SECONDS):
        found = _describe(client, table)
        if found is not None:
            states = {str(found.get("TableStatus")), *_index_states(found).values()}
            if states == {"ACTIVE"}:
                return found
        sleep(_GAP_SECONDS)
    raise StateUnavailable(f"table {table.name} is still being made; run setup again later")


def _turn_backups_on(client: DynamoDBClient, table: Table) -> str:
    try:
        client.update_continuous_backups(
            TableName=table.name,
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        )
    except ClientError as error:
        if is_not_offered(error):
            return "point-in-time recovery is not offered by this endpoint"
        # A new table's backups take a moment to be switchable; the next setup finds them ready.
        if error_code(error) == "ContinuousBackupsUnavailableException":
            return "point-in-time recovery cannot be switched on yet: run setup again in a minute"
        raise
    return "point-in-time recovery is on"


def _index_states(found: TableDescriptionTypeDef) -> dict[str, str]:
    return {
        str(index.get("IndexName")): str(index.get("IndexStatus"))
        for index in found.get("GlobalSecondaryIndexes", [])
    }


def _shape(index: Index) -> GlobalSecondaryIndexUnionTypeDef:
    return {
        "IndexName": index.name,
        "KeySchema": _keys(index.partition, index.sort),
        "Projection": {"ProjectionType": "ALL"},
    }


def _keys(partition: str, sort: str) -> list[KeySchemaElementTypeDef]:
    return [
        {"AttributeName": partition, "KeyType": "HASH"},
        {"AttributeName": sort, "KeyType": "RANGE"},
    ]


def _attributes(table: Table) -> list[AttributeDefinitionTypeDef]:
    names = ["pk", "sk"]
    for index in table.indexes:
        names += [index.partition, index.sort]
    return [{"AttributeName": name, "AttributeType": "S"} for name in dict.fromkeys(names)]
