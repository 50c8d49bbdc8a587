"""Messages between services, and callbacks to those who asked for ingests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from course_backfill.messages import StepMessage


class MessageSender(Protocol):
    """Sends messages to the queues of their steps' services."""

    def send(self, messages: Sequence[StepMessage]) -> None:
        """Sends all of them; a crash in between is mended by sending all again."""
        ...


class Queues(MessageSender, Protocol):
    """The queues as workers use them: to send, and to have a message come again later."""

    def change_visibility(self, queue: str, receipt: str, seconds: int) -> None:
        """Lets a received message come again after so many seconds; no error where it is gone."""
        ...


class CallbackSender(Protocol):
    """Calls out, once, to an address that passed the rules."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Posts the body and gives the answer's HTTP status.

        Raises CallbackFailed with a sentence that names no secret.
        """
        ...


class CallbackFailed(Exception):
    """The receiver could not be reached, or its address is not allowed; `str()` says which."""
