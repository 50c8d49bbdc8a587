"""A do-nothing S3 over HTTP: it reads what it is sent, drops it, and answers as S3 would.

Only what is written to the work bucket is kept, because a worker reads that again; another bucket
is full of objects of zeros. Nothing is checked: signatures, checksums and conditions all pass, and
every copy inside is done. Run it in a process of its own:
`python -m benchmarks.sink` prints `Ready: URL` and serves until it is terminated; `--delay` keeps
each answer back for so many milliseconds, as a distant S3 does.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from dataclasses import dataclass, field
from urllib.parse import unquote

WORK_BUCKET = "bench-work"
"""The bucket whose objects are kept."""
FULL_BUCKET = "bench-full"
"""The bucket that has every object whose key ends in its size, as `film.1000` does: all zeros."""

_BUFFER_BYTES = 1024 * 1024
_ETAG = b'ETag: "00000000000000000000000000000000"\r\n'
_ZEROS = bytes(256 * 1024)
_DATE = b"Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_COPY = re.compile(rb"\r\nx-amz-copy-source: ", re.IGNORECASE)
_FULL = re.compile(r"/" + FULL_BUCKET + r"/.*\.(\d+)")
_RANGE = re.compile(rb"\r\nrange: *bytes=(\d+)-(\d*)", re.IGNORECASE)
_PART = re.compile(r"partNumber=(\d+)")
_EXPECT = re.compile(rb"\r\nexpect: *100", re.IGNORECASE)

_UPLOAD = b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
_COMPLETED = (
    b"<CompleteMultipartUploadResult><ETag>&quot;00000000000000000000000000000000-1&quot;</ETag>"
    b"</CompleteMultipartUploadResult>"
)
_COPIED = (
    b"<CopyResult><ETag>&quot;00000000000000000000000000000000&quot;</ETag>"
    b"<LastModified>2026-01-01T00:00:00.000Z</LastModified></CopyResult>"
)
_NO_OBJECTS = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
_NO_UPLOADS = (
    b"<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>"
)


class Sink(asyncio.BufferedProtocol):
    """One connection; `kept` holds the work bucket of all of them, `delay` is in seconds."""

    def __init__(self, kept: dict[str, bytes], delay: float) -> None:
        self._kept = kept
        self._delay = delay
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._transport: asyncio.Transport | None = None
        self._head = bytearray()
        self._request: _Request | None = None
        self._zeros = 0
        self._is_paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        """See asyncio; one buffer serves all reads, so that dropped bytes cost nothing more."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Takes what arrived: the rest of a body, and heads of requests."""
        start = 0
        while start < nbytes or self._request is not None:
            if self._request is None:
                start = self._take_head(start, nbytes)
                if self._request is None:
                    return
            start += self._request.take(self._buffer[start:nbytes])
            if self._request.left:
                return
            self._send(self._answer(self._request), after=self._delay)
            self._request = None

    def pause_writing(self) -> None:
        """See asyncio."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """See asyncio; goes on with the zeros that the client has not taken yet."""
        self._is_paused = False
        self._send_zeros()

    def _take_head(self, start: int, end: int) -> int:
        """Where the body begins; the head may come in pieces."""
        before = len(self._head)
        self._head += self._buffer[start:end]
        cut = self._head.find(b"\r\n\r\n", max(0, before - 3))
        if cut < 0:
            return end
        head = bytes(self._head[:cut])
        self._head.clear()
        self._request = _Request.of(head)
        if _EXPECT.search(head):
            self._send(_CONTINUE, after=0)
        return start + cut + 4 - before

    def _send(self, answer: bytes, *, after: float) -> None:
        if after:
            asyncio.get_running_loop().call_later(after, self._write, answer)
        else:
            self._write(answer)

    def _write(self, answer: bytes) -> None:
        assert self._transport is not None
        self._transport.write(answer)
        self._send_zeros()

    def _send_zeros(self) -> None:
        assert self._transport is not None
        while self._zeros and not self._is_paused:
            piece = _ZEROS[: self._zeros]
            self._zeros -= len(piece)
            self._transport.write(piece)

    def _answer(self, request: _Request) -> bytes:
        about_uploads = "uploads" in request.query
        match request.method:
            case "HEAD" | "GET" if request.zeros is not None:
                self._zeros = request.zeros if request.method == "GET" else 0
                return _head(request.zeros, _ETAG + _DATE)
            case "PUT":
                if request.is_kept:
                    self._keep(request)
                return _response(_COPIED if request.is_copy else b"", _ETAG)
            case "POST":
                return _response(_UPLOAD if about_uploads else _COMPLETED)
            case "GET":
                return self._listing(request) if request.query else self._stored(request)
            case "HEAD":
                return _response(b"", status=b"404 Not Found")
            case _:
                return _response(b"", status=b"204 No Content")

    def _keep(self, request: _Request) -> None:
        """Whole files replace what was there; parts are sent in their order, one after another."""
        part = _PART.search(request.query)
        before = self._kept.get(request.path, b"") if part and int(part[1]) > 1 else b""
        self._kept[request.path] = before + request.body

    def _listing(self, request: _Request) -> bytes:
        return _response(_NO_OBJECTS if "list-type" in request.query else _NO_UPLOADS)

    def _stored(self, request: _Request) -> bytes:
        content = self._kept.get(request.path)
        if content is None:
            return _response(b"<Error><Code>NoSuchKey</Code></Error>", status=b"404 Not Found")
        if request.span is None:
            return _response(content, _ETAG + _DATE)
        start, end = request.span
        piece = content[start:end]
        place = f"Content-Range: bytes {start}-{start + len(piece) - 1}/{len(content)}\r\n"
        return _response(piece, _ETAG + _DATE + place.encode(), status=b"206 Partial Content")


@dataclass(slots=True)
class _Request:
    method: str
    path: str
    query: str
    left: int
    span: tuple[int, int | None] | None
    is_kept: bool
    is_copy: bool
    zeros: int | None
    body: bytearray = field(default_factory=bytearray)

    @classmethod
    def of(cls, head: bytes) -> _Request:
        method, target, _ = head[: head.index(b"\r\n")].split(b" ", 2)
        path, _, query = target.partition(b"?")
        length = _LENGTH.search(head)
        is_kept = path.startswith(b"/" + WORK_BUCKET.encode())
        full = _FULL.fullmatch(path.decode())
        span = _RANGE.search(head) if is_kept else None
        return cls(
            method=method.decode(),
            path=unquote(path.decode()) if is_kept else "",
            query=query.decode(),
            left=int(length.group(1)) if length else 0,
            span=(int(span[1]), int(span[2]) + 1 if span[2] else None) if span else None,
            is_kept=is_kept,
            is_copy=_COPY.search(head) is not None,
            zeros=int(full[1]) if full else None,
        )

    def take(self, data: memoryview) -> int:
        """How much of the data belongs to the body."""
        taken = min(self.left, len(data))
        self.left -= taken
        if self.is_kept:
            self.body += data[:taken]
        return taken


def _response(body: bytes, headers: bytes = b"", *, status: bytes = b"200 OK") -> bytes:
    return _head(len(body), headers, status=status) + body


def _head(length: int, headers: bytes, *, status: bytes = b"200 OK") -> bytes:
    ending = b"Content-Length: %d\r\n\r\n" % length
    return b"HTTP/1.1 " + status + b"\r\n" + headers + ending


async def _serve(delay: float) -> None:
    kept: dict[str, bytes] = {}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Sink(kept, delay), "127.0.0.1", 0)
    print(f"Ready: http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay", type=float, default=0.0)
    asyncio.run(_serve(parser.parse_args().delay / 1000))
