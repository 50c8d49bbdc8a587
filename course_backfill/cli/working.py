"""Commands that run one part of the pipeline on this machine: work, api, aws."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from course_backfill.cli.options import require_safe_token
from course_backfill.cli.printing import remark, say
from course_backfill.errors import InvalidInput, Problem
from course_backfill.messages import READS_MONGODB, SERVICES
from course_backfill.settings import Settings


def work(
    services: Annotated[
        list[str] | None,
        typer.Argument(metavar="SERVICE", help=f"Any of {', '.join(SERVICES)}. Default: all."),
    ] = None,
    concurrency: Annotated[
        int, typer.Option(min=1, max=64, help="Messages in hand at a time, for each service.")
    ] = 2,
) -> None:
    """Run workers until Ctrl-C, on this machine or any number of machines.

    They take their settings from the environment or the file (COURSE_BACKFILL_CONFIG) and log to
    standard error. A worker may be killed at any time: another one takes over what it had in hand.

    Example: course-backfill work replicator verifier --concurrency 4
    """
    chosen = tuple(dict.fromkeys(services or SERVICES))
    unknown = [service for service in chosen if service not in SERVICES]
    if unknown:
        raise typer.BadParameter(
            f"no such service: {', '.join(unknown)}. There are {', '.join(SERVICES)}."
        )
    settings = Settings.load()
    _require_source(settings, chosen)
    from course_backfill.adapters.logs import log_lines
    from course_backfill.adapters.sqs_consumer import ConfiguredQueues
    from course_backfill.local.worker import Worker, WorkerPlan, leave, run_until_signalled

    log_lines()
    plan = WorkerPlan(
        services=chosen,
        concurrency=concurrency,
        visibility_seconds=settings.visibility_seconds,
        discovery_seconds=settings.discovery_interval_seconds,
    )
    worker = Worker(plan, ConfiguredQueues(settings))
    if not run_until_signalled(worker, lambda: say(f"Ready: {', '.join(chosen)}")):
        remark("Stopped with work in hand: it is delivered again, and another worker takes it.")
        leave()


def _require_source(settings: Settings, services: Sequence[str]) -> None:
    """Refuses workers that would fail at every message, for want of what they read."""
    readers = [service for service in services if service in READS_MONGODB]
    if readers and not settings.names_mongodb:
        read = f"{', '.join(readers)} {'reads' if len(readers) == 1 else 'read'}"
        raise InvalidInput(Problem("MONGO_URI", f"is not set, and MongoDB is what {read}"))


def api(
    host: Annotated[
        str, typer.Option(help="The address to listen on; 0.0.0.0 is open to the network.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="PORT", help="0 takes a free one.")
    ] = 0,
    token: Annotated[
        str | None,
        typer.Option(
            help="A bearer token for everything; better in COURSE_BACKFILL_API_TOKEN. "
            "Default: a random one, printed once, unless there are api_clients."
        ),
    ] = None,
) -> None:
    """Run the HTTP API alone, until Ctrl-C. It never reads MongoDB.

    The setting api_clients gives several clients a token each, and each its scopes.

    Example: course-backfill api --port 8000
    """
    settings = Settings.load({"api_token": token})
    require_safe_token(settings, token)
    from course_backfill.adapters.aws_clients import aws_session
    from course_backfill.adapters.logs import log_lines
    from course_backfill.local.api_server import ApiServer
    from course_backfill.local.api_tokens import ApiTokens
    from course_backfill.local.worker import load_handler, wait_for_signal

    aws_session(settings)  # Refuses settings that every request would fail by.
    log_lines()
    is_random = settings.api_token is None and not settings.api_clients
    given = settings.api_token.get_secret_value() if settings.api_token else None
    chosen = secrets.token_urlsafe(32) if is_random else given
    tokens = ApiTokens(
        settings.api_clients, all_powerful=chosen, scope_prefix=settings.scope_prefix
    )
    try:
        server = ApiServer(load_handler("ingests_api"), tokens=tokens, host=host, port=port)
    except OSError as error:
        raise typer.BadParameter(
            f"{host}:{port} cannot be used: {error.strerror}. 0 takes a free port.",
            param_hint="--port",
        ) from None
    with server:
        if is_random:
            say(f"Token: {chosen}")
        say(f"Ready: {server.url}")
        wait_for_signal()


def aws(
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="PORT", help="0 takes a free one.")
    ] = 0,
    data_dir: Annotated[
        Path | None, typer.Option(help="Where objects lie while it runs. Default: a temporary one.")
    ] = None,
) -> None:
    """Run the embedded AWS alone: S3, SQS and DynamoDB, until Ctrl-C.

    It is for trying things out and for tests. What it holds is gone when it stops.

    Example: course-backfill aws --port 4566, then AWS_ENDPOINT_URL=http://127.0.0.1:4566
    """
    from course_backfill.local.embedded_aws.blobs import DirectoryInUse
    from course_backfill.local.embedded_aws.server import PortInUse, serve_embedded_aws
    from course_backfill.local.folders import DATA_DIR_OPTION, usable

    if data_dir:
        with usable(data_dir):
            pass
    try:
        serve_embedded_aws(port, data_dir, ready=say)
    except PortInUse as error:
        raise typer.BadParameter(str(error), param_hint="--port") from None
    except DirectoryInUse as error:
        raise typer.BadParameter(str(error), param_hint=DATA_DIR_OPTION) from None
