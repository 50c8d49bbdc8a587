"""What the adapters make of an AWS that conflicts, throttles, refuses, fails or loses answers.

No emulator does these things, so an HTTP server answers what the test wrote down, word for word as
DynamoDB and SQS document it.
"""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.config import Config

from course_backfill.adapters.aws_clients import AwsClients
from course_backfill.adapters.dynamo_state import CONFLICTS, DynamoStateStore
from course_backfill.adapters.sqs import SqsQueues
from course_backfill.errors import (
    ConditionFailed,
    CourseBackfillError,
    QueueUnavailable,
    StateRefused,
    StateUnavailable,
)
from course_backfill.ports import Condition, Key, Write
from course_backfill.settings import Settings
from tests.contracts.aws_faults.scripted_aws import CUT_OFF, ScriptedAws, cancelled, error, message

KEY, OTHER = Key("ingests", "i", "INGEST"), Key("courses", "c", "COURSE")


def two_writes(store: DynamoStateStore) -> None:
    store.write(
        Write(KEY, item={"a": 1}), Write(OTHER, add={"n": 1}, when=[Condition("n", "exists")])
    )


# --- DynamoDB ---


@pytest.mark.parametrize(
    "conflict",
    [
        cancelled("None", "TransactionConflict"),
        cancelled("TransactionConflict", "ThrottlingError"),
        cancelled("ProvisionedThroughputExceeded", "None"),
        error("TransactionConflictException"),
    ],
)
def test_a_conflict_is_tried_again_after_a_pause(
    aws: ScriptedAws, store: DynamoStateStore, slept: list[float], conflict: tuple[int, Any]
) -> None:
    aws.answers = [conflict, conflict, (200, {})]
    two_writes(store)
    assert len(aws.asked) == 3
    assert len(slept) == 2


def test_conflicts_that_never_end_are_an_outage(
    aws: ScriptedAws, store: DynamoStateStore, slept: list[float]
) -> None:
    aws.answers = [cancelled("None", "TransactionConflict")]
    with pytest.raises(StateUnavailable):
        two_writes(store)
    assert len(aws.asked) == CONFLICTS.tries
    assert max(slept) <= 2.0


def test_a_failed_condition_is_never_tried_again(aws: ScriptedAws, store: DynamoStateStore) -> None:
    aws.answers = [cancelled("TransactionConflict", "ConditionalCheckFailed")]
    with pytest.raises(ConditionFailed, match="courses c COURSE"):
        two_writes(store)
    assert len(aws.asked) == 1


def test_a_single_write_that_meets_a_transaction_is_tried_again(
    aws: ScriptedAws, store: DynamoStateStore
) -> None:
    aws.answers = [error("TransactionConflictException"), (200, {})]
    store.write(Write(KEY, item={"a": 1}))
    assert len(aws.asked) == 2


def test_a_single_failed_condition_is_named(aws: ScriptedAws, store: DynamoStateStore) -> None:
    aws.answers = [error("ConditionalCheckFailedException")]
    with pytest.raises(ConditionFailed, match="ingests i INGEST"):
        store.write(Write(KEY, item={}, when=[Condition("pk", "absent")]))


@pytest.mark.parametrize("lost", [(CUT_OFF, {}), error("InternalServerError", 500)])
def test_a_transaction_whose_answer_was_lost_is_repeated_under_its_token(
    aws: ScriptedAws, store: DynamoStateStore, lost: tuple[int, Any]
) -> None:
    aws.answers = [lost, (200, {})]
    two_writes(store)
    first, second = aws.asked
    assert first["ClientRequestToken"] == second["ClientRequestToken"]


def test_an_addition_has_a_token_though_it_is_a_single_write(
    aws: ScriptedAws, store: DynamoStateStore
) -> None:
    aws.answers = [(CUT_OFF, {}), (200, {})]
    store.write(Write(KEY, add={"n": 1}))
    assert len({one["ClientRequestToken"] for one in aws.asked}) == 1


def test_a_transaction_after_a_conflict_has_a_token_of_its_own(
    aws: ScriptedAws, store: DynamoStateStore
) -> None:
    aws.answers = [cancelled("None", "TransactionConflict"), (200, {})]
    two_writes(store)
    assert len({one["ClientRequestToken"] for one in aws.asked}) == 2


VERBS: list[Callable[[DynamoStateStore], object]] = [
    lambda store: store.get(KEY),
    lambda store: store.query("ingests", "i"),
    lambda store: store.query_index("due", "due#1", limit=5),
    lambda store: store.write(Write(KEY, item={})),
    two_writes,
]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((CUT_OFF, {}), StateUnavailable),
        (error("InternalServerError", 500), StateUnavailable),
        ((503, {}), StateUnavailable),
        (error("ExpiredTokenException"), StateUnavailable),
        (error("ResourceNotFoundException"), StateRefused),
        (error("AccessDeniedException"), StateRefused),
        (error("UnrecognizedClientException"), StateRefused),
    ],
)
def test_every_verb_names_outages_and_refusals(
    aws: ScriptedAws,
    store: DynamoStateStore,
    verb: Callable[[DynamoStateStore], object],
    answer: tuple[int, Any],
    expected: type[CourseBackfillError],
) -> None:
    aws.answers = [answer]
    with pytest.raises(expected):
        verb(store)


def test_throttling_beyond_the_client_s_tries_is_an_outage(
    aws: ScriptedAws, store: DynamoStateStore
) -> None:
    aws.answers = [error("ThrottlingException")]
    with pytest.raises(StateUnavailable, match="ThrottlingException"):
        store.get(KEY)
    assert len(aws.asked) == 2


def test_an_endpoint_where_nobody_listens_is_an_outage(slept: list[float]) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        nobody = server.server_port
    settings = Settings(aws_endpoint_url=f"http://127.0.0.1:{nobody}", aws_region="eu-west-1")
    config = Config(retries={"mode": "standard", "total_max_attempts": 1})
    clients = AwsClients.connect(settings, config=config)
    with pytest.raises(StateUnavailable):
        DynamoStateStore(clients.dynamodb, "test").get(KEY)
    with pytest.raises(QueueUnavailable):
        SqsQueues(clients.sqs, settings).send([message(1)])


# --- the requests themselves ---


def test_reads_by_key_are_consistent(aws: ScriptedAws, store: DynamoStateStore) -> None:
    aws.answers = [(200, {"Items": []})]
    store.get(KEY)
    store.query("ingests", "i")
    assert [one["ConsistentRead"] for one in aws.asked] == [True, True]


def test_every_name_is_a_placeholder(aws: ScriptedAws, store: DynamoStateStore) -> None:
    aws.answers = [(200, {})]
    store.write(
        Write(
            KEY,
            assign={"status": "x", "size": True},
            remove=["name"],
            when=[Condition("status", "equals", 1), Condition("size", "equals", None)],
        )
    )
    [asked] = aws.asked
    assert asked["UpdateExpression"] == "SET #n0 = :v0, #n1 = :v1 REMOVE #n2"
    assert asked["ConditionExpression"] == "#n0 = :v2 AND attribute_not_exists(#n1)"
    assert asked["ExpressionAttributeNames"] == {"#n0": "status", "#n1": "size", "#n2": "name"}
    assert asked["ExpressionAttributeValues"] == {
        ":v0": {"S": "x"},
        ":v1": {"BOOL": True},
        ":v2": {"N": "1"},
    }
