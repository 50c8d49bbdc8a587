"""Serves a Lambda handler of HTTP API events over HTTP on this machine, beside other threads."""

from __future__ import annotations

import asyncio
import base64
import logging
import socket
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import uvicorn

from course_backfill.clock import Clock, system_clock
from course_backfill.local.api_tokens import ApiTokens
from course_backfill.local.http_event import HttpRequest, http_event
from course_backfill.local.lambda_event import Handler, LocalContext

logger = logging.getLogger(__name__)

THREADS = 32
"""Requests handled at a time; a slow one keeps none of the others waiting."""
MAX_READ = 128 * 1024
"""So much of a body is read: more than the API takes, so that it is the API that refuses it."""
GRACE_SECONDS = 5

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class HandlerApp:
    """The ASGI application: a request becomes an event, and the handler runs in a thread."""

    def __init__(
        self, handler: Handler, *, tokens: ApiTokens, executor: ThreadPoolExecutor, clock: Clock
    ) -> None:
        self._handler = handler
        self._tokens = tokens
        self._executor = executor
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        request = HttpRequest(
            method=scope["method"],
            path=scope["raw_path"],
            query=scope["query_string"],
            headers=scope["headers"],
            body=await _read(receive),
            client=scope["client"][0] if scope["client"] else "",
        )
        given = (value for name, value in scope["headers"] if name.lower() == b"authorization")
        event = http_event(request, claims=self._tokens.claims(given), clock=self._clock)
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._executor, self._handle, event)
        await _send(answer, send)

    def _handle(self, event: dict[str, Any]) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = self._handler(event, LocalContext("ingests_api"))
        except Exception:
            # What API Gateway does when a function fails: it tells nothing of why.
            logger.exception("the handler failed")
            return {
                "statusCode": 502,
                "body": '{"title":"Bad Gateway","status":502}',
                "headers": {"content-type": "application/problem+json"},
            }
        return answer


class ApiServer:
    """An HTTP server in threads of its own; a context manager, or `start` and `stop`."""

    def __init__(
        self,
        handler: Handler,
        *,
        tokens: ApiTokens,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock = system_clock,
    ) -> None:
        """Takes the port at once, a free one for 0; raises OSError where it is taken."""
        self._socket = socket.create_server((host, port), backlog=128)
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="api")
        app = HandlerApp(handler, tokens=tokens, executor=self._executor, clock=clock)
        config = uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="api-server", daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        port: int = self._socket.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """Where it answers."""
        host = self._socket.getsockname()[0]
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def start(self) -> None:
        """Begins to answer; connections made from now on are not refused."""
        self._thread.start()

    def stop(self) -> None:
        """Ends after what is in hand, or after the grace period."""
        self._server.should_exit = True
        self._thread.join()
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._socket.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while len(body) <= MAX_READ:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return bytes(body)


async def _send(answer: dict[str, Any], send: Send) -> None:
    body = answer.get("body") or ""
    content = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
    headers = [
        (name.lower().encode("latin-1"), str(value).encode("latin-1"))
        for name, value in answer.get("headers", {}).items()
    ]
    headers.append((b"content-length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": answer["statusCode"], "headers": headers})
    await send({"type": "http.response.body", "body": content})
