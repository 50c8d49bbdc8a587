"""The command that runs everything on this machine: serve."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from course_backfill.cli.options import require_safe_token
from course_backfill.cli.outcomes import Failed
from course_backfill.cli.printing import say
from course_backfill.errors import InvalidInput, Problem, SourceRefused
from course_backfill.local.client_file import DATA_DIR_VARIABLE, DEFAULT_DATA_DIR
from course_backfill.settings import Settings

if TYPE_CHECKING:
    from course_backfill.local.stack import Stack, StackOptions

Port = Annotated[
    int, typer.Option(min=0, max=65535, metavar="PORT", help="Of the API; 0 takes a free one.")
]


MongoUri = Annotated[
    str | None,
    typer.Option(
        help="The MongoDB that holds the content; better in MONGO_URI, where others cannot see it. "
        "Default: one of its own.",
    ),
]
MongoDatabase = Annotated[
    str | None, typer.Option(help="Its database. Default: found by itself where possible.")
]
Endpoint = Annotated[
    str | None, typer.Option(help="Where S3, SQS and DynamoDB answer. Default: the embedded AWS.")
]
AwsPort = Annotated[
    int,
    typer.Option(min=0, max=65535, metavar="PORT", help="Of the embedded AWS; 0 takes a free one."),
]
Token = Annotated[
    str | None,
    typer.Option(
        help="The API's bearer token; better in COURSE_BACKFILL_API_TOKEN. "
        "Default: a random one, printed once."
    ),
]
DataDir = Annotated[Path, typer.Option(envvar=DATA_DIR_VARIABLE, help="Where data and logs lie.")]


def serve(
    *,
    mongo_uri: MongoUri = None,
    mongo_database: MongoDatabase = None,
    aws_endpoint_url: Endpoint = None,
    port: Port = 0,
    aws_port: AwsPort = 0,
    token: Token = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Run API and workers on this machine until Ctrl-C; needs nothing to be set up.

    Servers that are not named are started too: a MongoDB that keeps its data below the data
    directory, and an embedded AWS that keeps nothing when it stops.

    Examples:

      course-backfill serve

      course-backfill serve --mongo-uri mongodb://db.example.org --mongo-database edxapp
    """
    given: dict[str, Any] = {
        "mongo_uri": mongo_uri,
        "mongo_database": mongo_database,
        "aws_endpoint_url": aws_endpoint_url,
        "api_token": token,
    }
    settings = Settings.load(given)
    require_safe_token(settings, token)
    _require_free(port, "--port")
    _require_free(aws_port, "--aws-port")
    _require_mongodb(settings, "--mongo-uri" if mongo_uri else "MONGO_URI")
    from course_backfill.local.mongod_binary import MongodUnavailable
    from course_backfill.local.processes import ProcessEnded
    from course_backfill.local.stack import SECONDS_TO_FINISH, StackOptions, running_stack

    options = StackOptions(data_dir=data_dir, settings=settings, port=port, aws_port=aws_port)

    try:
        # A Ctrl-C may come at any time; whatever was started by then has been stopped.
        with suppress(KeyboardInterrupt), running_stack(options, tell=say) as stack:
            _tell(stack, options)
            stack.supervisor.wait(tell=lambda line: say(line, style="yellow"))
            say(f"Stopping: what is in hand gets {SECONDS_TO_FINISH:.0f} s. {_loss(stack)}")
    except MongodUnavailable as error:
        raise Failed(str(error)) from error
    except ProcessEnded as error:
        gone = "" if settings.aws_endpoint_url else " What the embedded AWS held is gone."
        raise Failed(f"{error}\nEverything was stopped: start serve again.{gone}") from error
    say("Stopped. Nothing is left running.")


def _require_free(port: int, option: str) -> None:
    """Refuses a port that is taken, before anything is started."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise typer.BadParameter(
            f"port {port} cannot be used: {os.strerror(error.errno or 0)}; 0 takes a free one",
            param_hint=option,
        ) from None


def _require_mongodb(settings: Settings, name: str) -> None:
    """Refuses a MongoDB that nothing can be read from, before anything is started."""
    if settings.mongo_uri_secret_name is not None:
        instead = "expected nothing: serve takes the URI itself, as --mongo-uri or MONGO_URI"
        raise InvalidInput(Problem("MONGO_URI_SECRET_NAME", instead))
    if settings.mongo_uri is None:
        return
    from course_backfill.local.given_mongodb import NoAnswer, require_answer

    try:
        require_answer(settings.mongo_uri.get_secret_value())
    except NoAnswer as error:
        raise Failed(f"{name}: {error}") from error
    except SourceRefused as error:
        raise InvalidInput(Problem(name, str(error))) from error


def _loss(stack: Stack) -> str:
    if stack.client.aws_endpoint_url:
        return "The embedded AWS ends with all that it holds."
    return "What takes longer is taken over by the workers that run next."


def _tell(stack: Stack, options: StackOptions) -> None:
    own = stack.client
    say(f"Logs: {options.logs}")
    say(
        f"MongoDB: {own.mongo_uri}, database {own.mongo_database}; it stays in {options.data_dir}"
        if own.mongo_uri
        else "MongoDB: yours, which is only read"
    )
    say(
        f"AWS: embedded, {own.aws_endpoint_url}; what it holds is gone when it stops"
        if own.aws_endpoint_url
        else f"AWS: {stack.settings.aws_endpoint_url}"
    )
    if options.settings.api_token is None:
        say(f"Token: {own.token}")
    say(f"Ready: {own.url}", style="bold green")
    found = (
        "by themselves from this folder"
        if options.data_dir == DEFAULT_DATA_DIR
        else f"with {DATA_DIR_VARIABLE}={options.data_dir.absolute()}, or with --data-dir"
    )
    say(f"Commands find it {found}. Ctrl-C stops everything.")
