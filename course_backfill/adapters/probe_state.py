"""What the probe tries of DynamoDB: conditions, transactions, tokens and the due index."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from course_backfill.adapters.aws_errors import DYNAMODB
from course_backfill.adapters.dynamo_state import DynamoStateStore
from course_backfill.adapters.probe_trials import ProbeFailed, Trial, expect_equal
from course_backfill.errors import ConditionFailed
from course_backfill.ports import Condition, Key, Write
from course_backfill.resources import table_name

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_UNSAFE = "Do not use this DynamoDB: two workers could both believe that they won"
_ABSENT = (Condition("pk", "absent"),)


class StateTrials:
    """The trials of both tables, in one partition of their own."""

    def __init__(self, client: DynamoDBClient, namespace: str, partition: str) -> None:
        self._client = client
        self._table = table_name(namespace, "ingests")
        self._store = DynamoStateStore(client, namespace)
        self._first = Key("ingests", partition, "FIRST")
        self._second = Key("courses", partition, "SECOND")
        self._third = Key("ingests", partition, "THIRD")

    def trials(self) -> Iterator[Trial]:
        """In the order in which they are to run: later ones look at what earlier ones wrote."""
        yield self._trial("conditional write", _UNSAFE, self._conditional)
        yield self._trial("cancelled transaction", _UNSAFE, self._cancelled)
        yield self._trial(
            "repeated transaction",
            "Counters may count twice after a lost answer: use another DynamoDB",
            self._repeated,
        )

    def cleaning(self) -> Trial:
        """Removes the items again."""
        return self._trial("removing again", "Allow these credentials to delete items", self._clean)

    def _trial(self, name: str, action: str, run: Callable[[], str]) -> Trial:
        return Trial(f"DynamoDB: {name}", action, DYNAMODB, run)

    def _conditional(self) -> str:
        self._store.write(Write(self._first, item={"winner": 1}, when=_ABSENT))
        self._expect_refusal(Write(self._first, item={"winner": 2}, when=_ABSENT))
        expect_equal("the winner", (self._store.get(self._first) or {}).get("winner"), 1)
        return "the second writer was refused"

    def _cancelled(self) -> str:
        self._expect_refusal(
            Write(self._second, item={}), Write(self._first, item={"winner": 3}, when=_ABSENT)
        )
        expect_equal("the rest of a cancelled transaction", self._store.get(self._second), None)
        return "nothing of it was written"

    def _repeated(self) -> str:
        token = str(uuid.uuid4())
        for _ in range(2):
            self._client.transact_write_items(
                ClientRequestToken=token,
                TransactItems=[
                    {
                        "Update": {
                            "TableName": self._table,
                            "Key": {"pk": {"S": self._third.pk}, "sk": {"S": self._third.sk}},
                            "UpdateExpression": "ADD #n :n",
                            "ExpressionAttributeNames": {"#n": "count"},
                            "ExpressionAttributeValues": {":n": {"N": "1"}},
                        }
                    }
                ],
            )
        expect_equal("the counter", (self._store.get(self._third) or {}).get("count"), 1)
        return "the same token counted once"

    def _expect_refusal(self, *writes: Write) -> None:
        try:
            self._store.write(*writes)
        except ConditionFailed:
            return
        raise ProbeFailed("was accepted, and should have been refused")

    def _clean(self) -> str:
        keys = (self._first, self._second, self._third)
        self._store.write(*(Write(key, delete=True) for key in keys))
        expect_equal("what is left", [key for key in keys if self._store.get(key)], [])
        return "all items"
