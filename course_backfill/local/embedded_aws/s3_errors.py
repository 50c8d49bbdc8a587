"""An answer of S3 that moto has no error of its own for."""

from xml.sax.saxutils import escape

from moto.s3.exceptions import S3ClientError


class S3Refusal(S3ClientError):
    """S3's error `code`, answered with HTTP `status` (moto knows no status of most codes)."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code, message)
        self.status = status


def s3_error(status: int, code: str, message: str) -> tuple[int, dict[str, str], bytes]:
    """S3's answer for an error that was met before, or instead of, calling moto."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
        "<RequestId>embedded</RequestId></Error>"
    )
    return status, {"content-type": "application/xml"}, body.encode()
