"""An HTTP server that answers as it is told, for what a healthy API would not do on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered; `content` is sent as JSON unless it is bytes. `cut` drops the line."""

    status: int = 200
    content: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


@dataclass(slots=True)
class ScriptedApi:
    """Where the server is, and every request it got."""

    url: str
    requests: list[Request] = field(default_factory=list)

    def asked(self, method: str) -> list[str]:
        """The paths of the requests of one method."""
        return [request.path for request in self.requests if request.method == method]


@contextmanager
def scripted_api(answer: Callable[[Request], Answer]) -> Iterator[ScriptedApi]:
    """Serves on a free port until the end of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(answer))
    server.daemon_threads = True
    api = ScriptedApi(f"http://127.0.0.1:{server.server_port}")
    server.api = api  # type: ignore[attr-defined]  # The handler finds its record here.
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(answer: Callable[[Request], Answer]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            request = Request(
                method=self.command,
                path=self.path,
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(length),
            )
            self.server.api.requests.append(request)  # type: ignore[attr-defined]  # As above.
            told = answer(request)
            self.close_connection = True
            if told.cut:
                return
            content = told.content
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _answer

        def log_message(self, *_: object) -> None:
            """Says nothing: the requests are recorded."""

    return Handler
