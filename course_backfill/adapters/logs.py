"""Logs, on AWS and on machines alike: one JSON object a line, and nothing secret in it."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from functools import cache
from types import TracebackType
from typing import Any, TextIO

from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from course_backfill.redaction import redacted, redacted_tree
from course_backfill.work_context import work_fields

QUIET = ("botocore", "urllib3", "pymongo", "httpx", "uvicorn.access")
"""Libraries whose every request would be a line."""

LONGEST_LINE = 2_000
"""Of a trace, in characters."""
LONGEST_TEXT = 32_000
"""Of a field, in characters: CloudWatch takes lines of 256 KB."""

_ExceptionInfo = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)


def log_lines() -> None:
    """Everything from INFO on goes to standard error, in place of what was set up before."""
    handler = LineHandler(sys.stderr)
    handler.addFilter(WorkFields())
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


@cache
def log_lines_of_lambda() -> None:
    """Likewise, once, in a function of AWS Lambda; on a machine the command does it itself."""
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        log_lines()


class LineHandler(logging.StreamHandler[TextIO]):
    """Says of a line that it cannot write whose it is and why, and nothing of what it holds."""

    def handleError(self, record: logging.LogRecord) -> None:
        """See logging.Handler, whose own writes the line's arguments as they are."""
        place = f"{record.name}, {record.filename}:{record.lineno}"
        reason = type(sys.exception()).__name__
        with suppress(OSError, ValueError):  # Where standard error is gone nobody can be told.
            sys.stderr.write(f"a log line of {place} could not be written: {reason}\n")


class RedactingFormatter(LambdaPowertoolsFormatter):
    """Writes no credential that drivers and clients put into their errors, whatever part it is in:
    the message, a field, the trace or the notes of an exception."""

    def formatException(self, ei: _ExceptionInfo) -> str:
        """See logging.Formatter."""
        lines = super().formatException(ei).splitlines()
        trace = "\n".join(redacted(line, limit=LONGEST_LINE) for line in lines)
        return trace[-LONGEST_TEXT:]  # What happened is told last.

    def serialize(self, log: Any) -> str:
        """See LambdaPowertoolsFormatter."""
        clean: Any = redacted_tree(log, limit=LONGEST_TEXT)
        return super().serialize(clean)


class WorkFields(logging.Filter):
    """Adds what is known of the work to each line; what the line itself says goes before."""

    def filter(self, record: logging.LogRecord) -> bool:
        """See logging.Filter."""
        for name, value in work_fields().items():
            if not hasattr(record, name):
                setattr(record, name, value)
        return True
