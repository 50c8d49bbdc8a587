"""Logs of the processes on a machine: one JSON object a line, as the functions on AWS write."""

from __future__ import annotations

import logging
import sys

from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

QUIET = ("botocore", "urllib3", "pymongo", "httpx", "uvicorn.access")
"""Libraries whose every request would be a line."""


def log_lines() -> None:
    """Everything from INFO on goes to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        LambdaPowertoolsFormatter(
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
