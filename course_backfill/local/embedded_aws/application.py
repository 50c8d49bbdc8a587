"""The embedded AWS as an ASGI application: all its services behind one address.

All calls are carried out on the event loop's thread, one after another. That makes every one of
them atomic, which moto's backends are not by themselves.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from course_backfill.local.embedded_aws import faults, moto_calls, orders
from course_backfill.local.embedded_aws.blobs import Blob, BlobStore
from course_backfill.local.embedded_aws.checksums import DeclaredChecksums
from course_backfill.local.embedded_aws.moto_calls import Answer
from course_backfill.local.embedded_aws.operations import Operation, operation_of
from course_backfill.local.embedded_aws.payloads import received_document, received_payload
from course_backfill.local.embedded_aws.s3_errors import S3Refusal, s3_error
from course_backfill.local.embedded_aws.s3_restores import SCHEDULE
from course_backfill.local.embedded_aws.sqs import EmbeddedQueue

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LONGEST_WAIT = 0.5
"""A waiting receive looks this often whether the server is to stop, in seconds."""

OWN_HEADERS = frozenset({"content-length", "connection", "date", "server", "status"})
"""Headers of moto's answers that the HTTP server sets itself."""


class Disconnected(Exception):
    """The client went away before its request had arrived."""


class EmbeddedAws:
    """`stopping` tells a waiting receive to give up; what tests order is told in `orders`."""

    def __init__(self, store: BlobStore, stopping: Callable[[], bool]) -> None:
        self._store = store
        self._stopping = stopping
        self._faults = faults.FaultPlan()
        self._next_restore: asyncio.TimerHandle | None = None
        moto_calls.install()
        moto_calls.warm_up()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _joined(scope["headers"])
        arriving = _body(receive)
        try:
            try:
                answer = await self._answer(scope, headers, arriving)
            except S3Refusal as refusal:
                # The next request on this connection begins behind the rest of this one.
                async for _ in arriving:
                    continue
                answer = Answer(*s3_error(refusal.status, refusal.code, refusal.message))
        except Disconnected:
            return
        if answer is None:
            await _hang_up(receive, send)
        else:
            await _respond(send, scope["method"], answer)

    async def _answer(
        self, scope: Scope, headers: dict[str, str], arriving: AsyncIterator[bytes]
    ) -> Answer | None:
        """None where a fault wants the connection dropped."""
        method, raw_path = scope["method"], scope["raw_path"].decode("ascii")
        if raw_path in orders.PATHS:
            document = await received_document(arriving)
            ordered = orders.answer(self._faults, method, raw_path, headers, document)
            self._await_restores()
            return ordered
        query_string = scope["query_string"].decode("ascii")
        operation = operation_of(method, raw_path, query_string, headers)
        body, payload = b"", None
        if operation.takes_payload:
            payload = await received_payload(arriving, headers, self._store)
        else:
            body = await received_document(arriving)
            operation = operation.named_by(body)
        fault = self._faults.take(operation, body)
        if fault is None:
            return await self._carried_out(operation, scope, body, payload)
        await asyncio.sleep(fault.delay)
        if fault.after:
            await self._carried_out(operation, scope, body, payload)
        return None if fault.drop else Answer(*fault.answer(operation))

    async def _carried_out(
        self,
        operation: Operation,
        scope: Scope,
        body: bytes,
        payload: tuple[Blob, DeclaredChecksums] | None,
    ) -> Answer:
        """A receive that finds nothing is repeated until its wait is over, a copy once counted."""
        pairs: list[tuple[bytes, bytes]] = scope["headers"]
        fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs]
        began = time.monotonic()
        while True:
            request = moto_calls.moto_request(
                method=scope["method"],
                raw_path=scope["raw_path"].decode("ascii"),
                query_string=scope["query_string"].decode("ascii"),
                headers=fields,
                body=body,
                payload=payload,
            )
            SCHEDULE.settle()
            answer = moto_calls.call(operation, request)
            if operation.name == "RestoreObject":
                self._await_restores()
            if answer.wanted is not None:
                await asyncio.to_thread(answer.wanted.blob.count, answer.wanted.algorithms)
                continue
            if answer.waiting is None:
                return answer
            queue, seconds = answer.waiting
            if not await self._arrives(queue, began + seconds):
                return answer

    def _await_restores(self) -> None:
        """Restores end, and tell so, at their time, even if nobody asks."""
        if self._next_restore is not None:
            self._next_restore.cancel()
        SCHEDULE.settle()
        seconds = SCHEDULE.seconds_to_next()
        if seconds is not None:
            loop = asyncio.get_running_loop()
            self._next_restore = loop.call_later(seconds, self._await_restores)

    async def _arrives(self, queue: EmbeddedQueue, deadline: float) -> bool:
        """Waits for a message of `queue` to become receivable. False once the time is over."""
        queue.arrived.clear()
        while not self._stopping():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            due = queue.shelf.seconds_to_next()
            try:
                pause = min(left, LONGEST_WAIT, left if due is None else due)
                await asyncio.wait_for(queue.arrived.wait(), pause)
                return True
            except TimeoutError:
                if due is not None and due <= pause:
                    return True
        return False


def _joined(fields: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for raw_name, raw_value in fields:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


async def _respond(send: Send, method: str, answer: Answer) -> None:
    bare = method == "HEAD" or answer.status in (204, 304)
    length = answer.headers.get("content-length") if bare else str(len(answer.body))
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in answer.headers.items()
        if name.lower() not in OWN_HEADERS
    ]
    if length is not None and answer.status not in (204, 304):
        headers.append((b"content-length", length.encode("ascii")))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if not bare:
        chunks = answer.body.chunks() if isinstance(answer.body, Blob) else (answer.body,)
        for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _hang_up(receive: Receive, send: Send) -> None:
    # ASGI has no message for it; the server's own sender knows its connection.
    send.__self__.transport.abort()  # type: ignore[attr-defined] # uvicorn's sender, as said.
    while (await receive())["type"] != "http.disconnect":
        pass
