"""Errors that moto has none of its own for."""

from xml.sax.saxutils import escape

from moto.s3.exceptions import S3ClientError


class S3Refusal(S3ClientError):
    """S3's error `code`, answered with HTTP `status` (moto knows no status of most codes)."""

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(code, message)
        self.status = status
        self.headers = headers or {}


def s3_error(status: int, code: str, message: str) -> tuple[int, dict[str, str], bytes]:
    """S3's answer for an error that was met before, or instead of, calling moto."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
        "<RequestId>embedded</RequestId></Error>"
    )
    return status, {"content-type": "application/xml"}, body.encode()


def sts_error(status: int, code: str, message: str) -> tuple[int, dict[str, str], bytes]:
    """The answer of STS for an error."""
    body = (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error>'
        f"<Type>Sender</Type><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
        "</Error><RequestId>embedded</RequestId></ErrorResponse>"
    )
    return status, {"content-type": "text/xml"}, body.encode()
