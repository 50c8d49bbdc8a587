"""The state stores that every case runs on: in memory, and DynamoDB of the embedded AWS."""

from __future__ import annotations

import pytest

from course_backfill.adapters.aws_clients import AwsClients
from course_backfill.adapters.dynamo_state import DynamoStateStore
from course_backfill.adapters.memory_state import MemoryStateStore
from course_backfill.adapters.setup_tables import create_table
from course_backfill.ports import StateStore
from course_backfill.resources import Resources
from course_backfill.settings import Settings


@pytest.fixture(scope="module")
def tables(aws_endpoint: str) -> tuple[AwsClients, Settings]:
    settings = Settings(
        aws_endpoint_url=aws_endpoint, aws_region="eu-west-1", namespace="state-store"
    )
    clients = AwsClients.connect(settings)
    for table in Resources.of(settings).tables:
        create_table(clients.dynamodb, table)
    return clients, settings


@pytest.fixture(params=["memory", "dynamodb"])
def store(request: pytest.FixtureRequest) -> StateStore:
    if request.param == "memory":
        return MemoryStateStore()
    clients, settings = request.getfixturevalue("tables")
    empty(clients, settings)
    return DynamoStateStore(clients.dynamodb, settings.namespace)


def empty(clients: AwsClients, settings: Settings) -> None:
    """Deletes what an earlier test left in the tables."""
    for table in Resources.of(settings).tables:
        for page in clients.dynamodb.get_paginator("scan").paginate(TableName=table.name):
            for item in page["Items"]:
                key = {name: item[name] for name in ("pk", "sk")}
                clients.dynamodb.delete_item(TableName=table.name, Key=key)
