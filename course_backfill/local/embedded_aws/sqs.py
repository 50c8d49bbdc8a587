"""moto's SQS with the cost of a call independent of a queue's depth, and without blocking waits."""

import asyncio
import heapq
import itertools
import time
from collections.abc import Iterable, Iterator
from typing import Any

from moto.core.responses import ActionResult
from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import Message, Queue, SQSBackend
from moto.sqs.responses import SQSResponse


class MessageShelf:
    """The messages of a queue: those that can be received at the front, the others by due time.

    A message is due when neither its delay nor its visibility timeout lasts any longer.
    """

    def __init__(self, messages: Iterable[Message] = ()) -> None:
        self._all: dict[str, Message] = {}
        self._ready: dict[str, Message] = {}
        self._hidden: list[tuple[float, int, Message]] = []
        self._numbers = itertools.count()
        self._handles: dict[str, Message] = {}
        for message in messages:
            self.append(message)

    def __iter__(self) -> Iterator[Message]:
        return iter(list(self._all.values()))

    def __len__(self) -> int:
        return len(self._all)

    def append(self, message: Message) -> None:
        """Adds a message."""
        self._all[message.id] = message
        self.place(message.id)

    def remove(self, message: Message) -> None:
        """Takes a message away; no error where there is none."""
        self._all.pop(message.id, None)
        self._ready.pop(message.id, None)
        for handle in message.all_receipt_handles:
            self._handles.pop(str(handle), None)

    def place(self, message_id: str) -> None:
        """Takes note of a message that was received, or whose times changed."""
        message = self._all.get(message_id)
        if message is None:
            return
        if message.receipt_handle:
            self._handles[message.receipt_handle] = message
        due = _due(message)
        if due <= _now():
            self._ready[message.id] = message
        else:
            self._ready.pop(message.id, None)
            heapq.heappush(self._hidden, (due, next(self._numbers), message))

    def ready(self) -> list[Message]:
        """Those that can be received now."""
        now = _now()
        while self._hidden and self._hidden[0][0] <= now:
            due, _, message = heapq.heappop(self._hidden)
            # A message whose times changed in between has a later entry, or is ready already.
            if self._all.get(message.id) is message and _due(message) == due:
                self._ready[message.id] = message
        return list(self._ready.values())

    def waiting(self) -> list[Message]:
        """Those that cannot be received now."""
        ready = self.ready()
        if len(ready) == len(self._all):
            return []
        return [message for name, message in self._all.items() if name not in self._ready]

    def with_handle(self, handle: str) -> Message | None:
        """The message of a receipt handle that was given out and is valid still."""
        return self._handles.get(handle)

    def seconds_to_next(self) -> float | None:
        """Until a hidden message may become due; None where there is none."""
        return max(0.0, (self._hidden[0][0] - _now()) / 1000) if self._hidden else None


class EmbeddedQueue(Queue):
    """A queue on a shelf: neither sending nor receiving looks at every message."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._shelf = MessageShelf()
        self.arrived = asyncio.Event()
        """Set whenever a message may have become receivable."""
        super().__init__(*args, **kwargs)

    @property  # type: ignore[override] # A shelf does all that moto does with its list.
    def _messages(self) -> MessageShelf:
        return self._shelf

    @_messages.setter
    def _messages(self, messages: Iterable[Message]) -> None:
        self._shelf = MessageShelf(messages)

    @property
    def shelf(self) -> MessageShelf:
        """The messages."""
        return self._shelf

    @property
    def messages(self) -> list[Message]:
        return self._shelf.ready()

    # moto looks at every message for each of these, and needs all three to send one message.
    @property
    def approximate_number_of_messages(self) -> int:
        return len(self._shelf.ready())

    @property
    def approximate_number_of_messages_delayed(self) -> int:
        now = _now()
        return sum(message.delayed_until > now for message in self._shelf.waiting())

    @property
    def approximate_number_of_messages_not_visible(self) -> int:
        now = _now()
        return sum(message.visible_at > now for message in self._shelf.waiting())

    def add_message(self, message: Message) -> None:
        super().add_message(message)
        self.arrived.set()

    def delete_message(self, receipt_handle: str) -> None:
        if receipt_handle in self.deleted_messages:
            return
        message = self._shelf.with_handle(receipt_handle)
        if message is None:
            raise ReceiptHandleIsInvalid()
        self.pending_messages.discard(message)
        self.deleted_messages.update(str(handle) for handle in message.all_receipt_handles)
        self._shelf.remove(message)


class EmbeddedSqsBackend(SQSBackend):
    """Never waits inside a call: `EmbeddedSqsResponse.waiting` says what a caller waits for."""

    def queue(self, queue_name: str) -> EmbeddedQueue:
        """The queue; raises what moto raises where there is none."""
        queue = self.get_queue(queue_name)
        if not isinstance(queue, EmbeddedQueue):
            raise TypeError("the embedded SQS was not installed")
        return queue

    def receive_message(
        self,
        queue_name: str,
        count: int,
        wait_seconds_timeout: int,  # Waiting is left to the caller.
        visibility_timeout: int,
        message_attribute_names: list[str] | None = None,
    ) -> list[Message]:
        queue = self.queue(queue_name)
        received = super().receive_message(
            queue_name, count, 0, visibility_timeout, message_attribute_names
        )
        for message in received:
            queue.shelf.place(message.id)
        return received

    def change_message_visibility(
        self, queue_name: str, receipt_handle: str, visibility_timeout: int
    ) -> None:
        queue = self.queue(queue_name)
        message = queue.shelf.with_handle(receipt_handle)
        if message is None:
            raise ReceiptHandleIsInvalid()
        # moto counts the twelve hours from sending, so that no old message could be held at all.
        message.change_visibility(visibility_timeout)
        if message.visible:
            queue.pending_messages.discard(message)
        queue.shelf.place(message.id)
        queue.arrived.set()


class EmbeddedSqsResponse(SQSResponse):
    """Answers one request; made anew for each."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: tuple[EmbeddedQueue, int] | None = None
        """Where a receive found nothing: the queue, and how many seconds the caller would wait."""

    def receive_message(self) -> ActionResult:
        answer = super().receive_message()
        backend = self.sqs_backend
        if answer.result or not isinstance(backend, EmbeddedSqsBackend):
            return answer
        queue = backend.queue(self._get_queue_name())
        wait = self._get_param("WaitTimeSeconds")
        default: int = queue.receive_message_wait_time_seconds  # type: ignore[attr-defined] # Set by name.
        self.waiting = queue, int(default if wait is None else wait)
        return answer


def _due(message: Message) -> float:
    # moto calls a message visible once its time lies in the past, so one millisecond later.
    return max(message.visible_at + 1, message.delayed_until)


def _now() -> float:
    return time.time() * 1000
