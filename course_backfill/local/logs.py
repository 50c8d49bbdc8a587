"""Logs of the processes on a machine: one JSON object a line, as the functions on AWS write."""

from __future__ import annotations

import logging
import sys
from types import TracebackType

from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from course_backfill.redaction import redacted

QUIET = ("botocore", "urllib3", "pymongo", "httpx", "uvicorn.access")
"""Libraries whose every request would be a line."""


LONGEST_LINE = 2_000
"""Of a trace, in characters."""

_ExceptionInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)


class RedactingFormatter(LambdaPowertoolsFormatter):
    """Writes traces without the credentials that drivers and clients put into their errors."""

    def formatException(self, ei: _ExceptionInfo) -> str:
        """See logging.Formatter."""
        lines = super().formatException(ei).splitlines()
        return "\n".join(redacted(line, limit=LONGEST_LINE) for line in lines)


def log_lines() -> None:
    """Everything from INFO on goes to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        RedactingFormatter(
            utc=True,
            use_rfc3339=True,
            serialize_stacktrace=False,
            log_record_order=["timestamp", "level", "message"],
            name="%(name)s",
        )
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
