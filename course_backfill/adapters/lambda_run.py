"""One run of a function: what its log lines say of it, and how it fails."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from aws_lambda_powertools.utilities.typing import LambdaContext

from course_backfill.adapters.logs import log_lines_of_lambda
from course_backfill.redaction import redacted
from course_backfill.work_context import working_on

logger = logging.getLogger(__name__)


class RunFailed(Exception):
    """A run that failed, in words without secrets; its log line has the trace."""


@contextmanager
def lambda_run(service: str, context: LambdaContext) -> Iterator[None]:
    """Logs what happens within as the service's, and turns any exception into RunFailed.

    Lambda writes an exception that gets out of a handler into the log by itself, as it is.
    """
    log_lines_of_lambda()
    with working_on(service=service, function_request_id=context.aws_request_id):
        try:
            yield
        except Exception as error:
            logger.exception("run failed", extra={"outcome": "failed"})
            raise RunFailed(redacted(f"{type(error).__name__}: {error}")) from None
