"""Decodes `aws-chunked` request bodies, with or without signatures and trailing checksums."""

from collections.abc import Iterator

from course_backfill.local.embedded_aws.s3_errors import S3Refusal

MAX_LINE_BYTES = 16 * 1024


class AwsChunkedDecoder:
    """Feed it the body as it arrives; it yields the payload and collects `trailers`.

    Raises S3Refusal (IncompleteBody) on a body that is not well formed.
    """

    def __init__(self) -> None:
        self.trailers: dict[str, str] = {}
        self._buffer = bytearray()
        self._left = 0
        self._expecting = "size"

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The payload in the next bytes of the body."""
        self._buffer += data
        while True:
            if self._expecting == "payload":
                payload = bytes(self._buffer[: self._left])
                del self._buffer[: len(payload)]
                self._left -= len(payload)
                if payload:
                    yield payload
                if self._left:
                    return
                self._expecting = "end of payload"
            line = self._line()
            if line is None:
                return
            self._take(line)

    def close(self) -> None:
        """Raises S3Refusal where the last chunk never came."""
        if self._expecting != "trailers":
            raise _incomplete()

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            if len(self._buffer) > MAX_LINE_BYTES:
                raise _incomplete()
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _take(self, line: bytes) -> None:
        if self._expecting == "size":
            try:
                self._left = int(line.split(b";", 1)[0], 16)
            except ValueError:
                raise _incomplete() from None
            self._expecting = "payload" if self._left else "trailers"
        elif self._expecting == "end of payload":
            if line:
                raise _incomplete()
            self._expecting = "size"
        elif line:
            name, _, value = line.decode("latin-1").partition(":")
            self.trailers[name.strip().lower()] = value.strip()


def _incomplete() -> S3Refusal:
    message = "You did not provide the number of bytes specified by the Content-Length HTTP header."
    return S3Refusal(400, "IncompleteBody", message)
