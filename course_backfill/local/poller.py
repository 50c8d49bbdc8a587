"""Stands in for Lambda's SQS trigger: receives messages and calls the handler that Lambda would."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from course_backfill.local.lambda_event import Event, Handler, LocalContext, has_failed, sqs_event

logger = logging.getLogger(__name__)

WAIT_SECONDS = 5
"""One long poll; short, so that a worker that is told to stop does so soon."""
PAUSE_AFTER_ERROR = 2.0


class MessageQueue(Protocol):
    """One queue, as its consumer sees it; messages have the shape of SQS's ReceiveMessage."""

    arn: str

    def receive(self, *, wait_seconds: int, visibility_seconds: int) -> list[Event]:
        """At most one message, hidden from others for so long; waits for one if there is none."""
        ...

    def hide(self, message: Event, seconds: int) -> None:
        """Keeps the message hidden for so many seconds from now."""
        ...

    def delete(self, message: Event) -> None:
        """The message is done with."""
        ...


@dataclass(slots=True)
class InHand:
    """The messages that handlers are working on; kept hidden as long as they do."""

    visibility_seconds: int
    _messages: dict[int, tuple[MessageQueue, Event]] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @contextmanager
    def holding(self, queue: MessageQueue, message: Event) -> Iterator[None]:
        """Keeps the message hidden until the end of the block."""
        mark = id(message)
        with self._changed:
            self._messages[mark] = (queue, message)
        try:
            yield
        finally:
            with self._changed:
                del self._messages[mark]
                self._changed.notify_all()

    def keep_hidden(self, stop: threading.Event) -> None:
        """Runs beside the handlers until told to stop. A dead process's messages reappear."""
        while not stop.wait(self.visibility_seconds / 3):
            with self._changed:
                held = list(self._messages.values())
            for queue, message in held:
                try:
                    queue.hide(message, self.visibility_seconds)
                except Exception:
                    # Whatever the reason, the message is delivered again, which changes no state.
                    logger.warning("could not keep a message hidden", exc_info=True)

    def wait_until_none(self, seconds: float) -> bool:
        """Whether every handler returned within so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._messages, timeout=seconds)


class Poller:
    """Takes one message after the other from a queue, each through the handler."""

    def __init__(
        self,
        queue: MessageQueue,
        handler: Handler,
        *,
        service: str,
        in_hand: InHand,
        stop: threading.Event,
        wait_seconds: int = WAIT_SECONDS,
    ) -> None:
        self._queue = queue
        self._handler = handler
        self._service = service
        self._in_hand = in_hand
        self._stop = stop
        self._wait_seconds = wait_seconds

    def run(self) -> None:
        """Polls until told to stop."""
        while not self._stop.is_set():
            self.poll()

    def poll(self) -> int:
        """Receives once and handles what came; the number of messages, done with or not.

        An unreachable queue gives none, after a pause.
        """
        try:
            messages = self._queue.receive(
                wait_seconds=self._wait_seconds, visibility_seconds=self._in_hand.visibility_seconds
            )
            for message in messages:
                with self._in_hand.holding(self._queue, message):
                    if self._handle(message):
                        self._queue.delete(message)
        except Exception:
            logger.warning("no answer from the queue of %s", self._service, exc_info=True)
            self._stop.wait(PAUSE_AFTER_ERROR)
            return 0
        return len(messages)

    def _handle(self, message: Event) -> bool:
        """Whether the message is done with; one that failed reappears when its time is over."""
        context = LocalContext(self._service, request_id=message["MessageId"])
        try:
            answer = self._handler(sqs_event(message, queue_arn=self._queue.arn), context)
        except Exception:
            logger.exception("the handler of %s failed", self._service)
            return False
        return not has_failed(answer)
