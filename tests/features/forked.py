"""Commands in processes of their own that need not load Python and the product again.

Each is forked from a process that has imported everything and done nothing, in a hundredth of the
time that a start takes: a real process, with its own memory, sockets and signals. That the command
itself starts is tested where it is what a test is about: test_cli_parts.py, test_serve_faults.py.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import partial
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from unittest.mock import patch

from course_backfill.messages import SERVICES

_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "course_backfill.cli.app",
        "course_backfill.local.worker",
        "obstore",
        "pymongo",
        *(f"services.{service}.handler" for service in SERVICES),
    ]
)


def forked(
    *arguments: str, environment: Mapping[str, str], grace_seconds: float | None = None
) -> BaseProcess:
    """Starts the command with these arguments, in this environment alone; its output is lost.

    A worker has so long to end in, where it is not to have its usual time.
    """
    given = (arguments, dict(environment), grace_seconds)
    process = _CONTEXT.Process(target=_run, args=given, daemon=True)
    process.start()
    return process


def _run(
    arguments: tuple[str, ...], environment: dict[str, str], grace_seconds: float | None
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    from course_backfill.cli.app import run
    from course_backfill.local import worker

    grace = worker.GRACE_SECONDS if grace_seconds is None else grace_seconds
    with patch.object(worker, "Worker", partial(worker.Worker, grace_seconds=grace)):
        sys.exit(run(list(arguments)))
