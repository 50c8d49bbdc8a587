"""An AWS that answers what a test wrote down, word for word as AWS documents it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from course_backfill.messages import Step, StepMessage

CUT_OFF = 0
"""The status of an answer that never comes: the connection ends after the request was read."""


@dataclass
class ScriptedAws:
    """Gives one answer after the other, the last one for ever; keeps what was asked."""

    answers: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, body: bytes) -> tuple[int, bytes]:
        self.asked.append(json.loads(body))
        status, content = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return status, json.dumps(content).encode()


def error(name: str, status: int = 400, **more: Any) -> tuple[int, dict[str, Any]]:
    """An error as DynamoDB words it."""
    named = {"__type": f"com.amazonaws.dynamodb.v20120810#{name}", "message": "as documented"}
    return status, named | more


def cancelled(*codes: str) -> tuple[int, dict[str, Any]]:
    """A cancelled transaction, with the reason of each write."""
    reasons = [{"Code": code} for code in codes]
    return error("TransactionCanceledException", CancellationReasons=reasons)


def message(number: int) -> StepMessage:
    return StepMessage(ingest="i", epoch=1, step=Step.VERIFY, replica="primary", packet=number)
