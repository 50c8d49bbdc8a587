"""An HTTP proxy before an S3 server that alters, cuts or drops what passes through it."""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

SECRET = "never-to-be-shown"
"""The secret key of the clients behind the proxy."""


@dataclass(frozen=True)
class Request:
    """What a client sent; `path` is the raw one, with the query."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What the server answered; with `cut`, the connection is closed after so many bytes of it."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    cut: int | None = None


@dataclass
class Proxy:
    """`on_request` and `on_answer` may be set at any time; `requests` are all that were seen.

    Both are given the request as the client sent it.
    """

    url: str = ""
    on_request: Callable[[Request], Request] = lambda request: request
    on_answer: Callable[[Request, Answer], Answer] = lambda request, answer: answer
    requests: list[Request] = field(default_factory=list)

    def reset(self) -> None:
        """Lets everything pass again."""
        self.on_request = lambda request: request
        self.on_answer = lambda request, answer: answer
        self.requests = []


@contextmanager
def meddling_proxy(server_url: str) -> Iterator[Proxy]:
    """Runs a proxy before the server on a free port."""
    proxy = Proxy()
    host = urlsplit(server_url).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            headers = dict(self.headers.items())
            request = Request(self.command, self.path, headers, self.rfile.read(length))
            proxy.requests.append(request)
            answer = proxy.on_answer(request, _ask(host, proxy.on_request(request)))
            self.send_response_only(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            if request.method != "HEAD":
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body if answer.cut is None else answer.body[: answer.cut])
            self.close_connection = answer.cut is not None

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any

        def log_message(self, format: str, *args: object) -> None:
            """The tests look at what was asked themselves."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        proxy.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield proxy
        server.shutdown()


def _ask(host: str, request: Request) -> Answer:
    connection = http.client.HTTPConnection(host, timeout=30)
    headers = {k: v for k, v in request.headers.items() if k.lower() != "expect"}
    connection.request(request.method, request.path, request.body, headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    kept = [
        (name, value)
        for name, value in response.getheaders()
        if name.lower() not in {"connection", "transfer-encoding"}
        and (name.lower() != "content-length" or request.method == "HEAD")
    ]
    return Answer(response.status, kept, body)


def cut(answer: Answer, after: int) -> Answer:
    """The answer, broken off."""
    return replace(answer, cut=after)


def error_answer(status: int, code: str) -> Answer:
    """An error as S3 gives it, with a secret in the message."""
    body = f"<Error><Code>{code}</Code><Message>{SECRET}</Message></Error>"
    return Answer(status, [("Content-Type", "application/xml")], body.encode())


def header(request: Request, name: str) -> str:
    """A header of the request, whatever the case of its name; empty where there is none."""
    return {key.lower(): value for key, value in request.headers.items()}.get(name, "")


def is_copy(request: Request) -> bool:
    """Whether it copies an object, or a part of one."""
    return bool(header(request, "x-amz-copy-source"))


def sent(line: Proxy, pattern: str) -> list[Request]:
    """The requests whose method, path and copy source are like this, in their order."""
    return [
        one
        for one in line.requests
        if re.search(pattern, f"{one.method} {one.path} {header(one, 'x-amz-copy-source')}")
    ]
