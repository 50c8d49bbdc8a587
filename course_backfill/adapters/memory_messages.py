"""The queues in memory: the twin of SQS, whose messages a test can lose, double and count."""

from __future__ import annotations

import hashlib
import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from course_backfill.clock import Clock
from course_backfill.errors import QueueUnavailable
from course_backfill.messages import SERVICES, StepMessage
from course_backfill.resources import (
    MAX_RECEIVES,
    RETENTION_SECONDS,
    dead_letters_name,
    queue_name,
)


@dataclass(slots=True)
class _Stored:
    id: str
    body: str
    sent: datetime
    visible: datetime
    first_received: datetime | None = None
    receives: int = 0
    receipt: str = ""


class MemoryQueues:
    """The queue and the dead letters of every service; safe to use from many threads.

    `copies` says how often a sent message arrives: 0 loses it, 2 doubles it. While
    `is_unavailable`, nothing can be sent and nothing is received.
    """

    def __init__(self, namespace: str, clock: Clock) -> None:
        self.copies: Callable[[StepMessage], int] = lambda message: 1
        self.is_unavailable = False
        self.lock = threading.RLock()
        self._namespace = namespace
        self._queues: dict[str, MemoryQueue] = {}
        for service in SERVICES:
            dead = MemoryQueue(self, dead_letters_name(namespace, service), clock)
            alive = MemoryQueue(self, queue_name(namespace, service), clock, dead_letters=dead)
            self._queues |= {alive.name: alive, dead.name: dead}

    def send(self, messages: Sequence[StepMessage]) -> None:
        """See MessageSender."""
        for message in messages:
            body = message.model_dump_json(by_alias=True, exclude_none=True)
            for _ in range(self.copies(message)):
                self.of_service(message.step.service).send(body)

    def change_visibility(self, queue: str, receipt: str, seconds: int) -> None:
        """Lets a received message come again after so many seconds; no error where it is gone."""
        self._queues[queue].hide({"ReceiptHandle": receipt}, seconds)

    def of_service(self, service: str) -> MemoryQueue:
        """The queue of a service."""
        return self._queues[queue_name(self._namespace, service)]

    def dead_letters(self, service: str) -> MemoryQueue:
        """The dead letters of a service."""
        return self._queues[dead_letters_name(self._namespace, service)]


class MemoryQueue:
    """One queue as its consumer sees it, with messages as SQS's ReceiveMessage gives them."""

    def __init__(
        self,
        queues: MemoryQueues,
        name: str,
        clock: Clock,
        *,
        dead_letters: MemoryQueue | None = None,
    ) -> None:
        self.name = name
        self.arn = f"arn:aws:sqs:eu-west-1:000000000000:{name}"
        self._queues = queues
        self._clock = clock
        self._dead_letters = dead_letters
        self._messages: list[_Stored] = []
        self._numbers = itertools.count(1)

    def __len__(self) -> int:
        """How many messages there are, hidden ones included."""
        with self._queues.lock:
            return len(self._messages)

    def send(self, body: str) -> None:
        """Puts any body at the end of the queue."""
        with self._queues.lock:
            self._check_available()
            now = self._clock()
            number = next(self._numbers)
            self._messages.append(_Stored(f"{self.name}-{number}", body, sent=now, visible=now))

    def receive(self, *, wait_seconds: int, visibility_seconds: int) -> list[dict[str, Any]]:
        """The first visible message, hidden for so long, or none: it never waits.

        One that was received too often becomes a dead letter instead.
        """
        with self._queues.lock:
            self._check_available()
            now = self._clock()
            self._forget_expired(now)
            for message in [one for one in self._messages if one.visible <= now]:
                if self._dead_letters is not None and message.receives >= MAX_RECEIVES:
                    self._messages.remove(message)
                    self._dead_letters._messages.append(message)
                    continue
                message.receives += 1
                message.receipt = f"{message.id}-{message.receives}"
                message.first_received = message.first_received or now
                message.visible = now + timedelta(seconds=visibility_seconds)
                return [_as_received(message)]
            return []

    def hide(self, message: dict[str, Any], seconds: int) -> None:
        """Keeps the message hidden for so many seconds from now."""
        for found in self._with_receipt(message):
            found.visible = self._clock() + timedelta(seconds=seconds)

    def delete(self, message: dict[str, Any]) -> None:
        """The message is done with; a receipt that a later one replaced deletes nothing."""
        for found in self._with_receipt(message):
            with self._queues.lock:
                self._messages.remove(found)

    def _with_receipt(self, message: dict[str, Any]) -> list[_Stored]:
        with self._queues.lock:
            self._check_available()
            return [one for one in self._messages if one.receipt == message["ReceiptHandle"]]

    def _forget_expired(self, now: datetime) -> None:
        oldest = now - timedelta(seconds=RETENTION_SECONDS)
        self._messages = [one for one in self._messages if one.sent >= oldest]

    def _check_available(self) -> None:
        if self._queues.is_unavailable:
            raise QueueUnavailable("SQS does not answer")


def _as_received(message: _Stored) -> dict[str, Any]:
    first = message.first_received or message.sent
    return {
        "MessageId": message.id,
        "ReceiptHandle": message.receipt,
        "Body": message.body,
        "MD5OfBody": hashlib.md5(message.body.encode(), usedforsecurity=False).hexdigest(),
        "Attributes": {
            "ApproximateReceiveCount": str(message.receives),
            "ApproximateFirstReceiveTimestamp": _milliseconds(first),
            "SentTimestamp": _milliseconds(message.sent),
            "SenderId": "memory",
        },
    }


def _milliseconds(moment: datetime) -> str:
    return str(int(moment.timestamp() * 1000))
