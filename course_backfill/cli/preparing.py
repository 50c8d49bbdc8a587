"""Commands that prepare an installation and look whether it is safe to start: setup, check."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from course_backfill.cli.connection import AsJson
from course_backfill.cli.outcomes import Failed
from course_backfill.cli.printing import print_json, print_table, printable, say, status_text
from course_backfill.errors import InvalidInput, Problem
from course_backfill.local.client_file import DATA_DIR_VARIABLE, DEFAULT_DATA_DIR, ClientFile
from course_backfill.settings import Settings

if TYPE_CHECKING:
    from course_backfill.findings import Finding

Endpoint = Annotated[
    str | None,
    typer.Option(help="Where S3, SQS and DynamoDB answer. Default: AWS_ENDPOINT_URL, or AWS."),
]
NO_MONGODB = "is not set: name the MongoDB, also by --mongo-uri, or start course-backfill serve"
NOT_ITS_OWN = (
    "is not set: the running serve keeps the address of a MongoDB that is not its own to itself; "
    "name it here too, also by --mongo-uri"
)


def setup(
    *,
    probe: Annotated[
        bool,
        typer.Option(
            "--probe",
            help="Also try conditional writes, checksums, transactions and queues, and clean up.",
        ),
    ] = False,
    aws_endpoint_url: Endpoint = None,
    as_json: AsJson = False,
) -> None:
    """Make the tables, queues and buckets that are missing; may be repeated at any time.

    Example: COURSE_BACKFILL_NAMESPACE=lms-backfill course-backfill setup --probe
    """
    settings = Settings.load({"aws_endpoint_url": aws_endpoint_url})
    from course_backfill.adapters.aws_clients import AwsClients
    from course_backfill.adapters.probe import probe as try_for_real
    from course_backfill.adapters.setup import create_resources

    clients = AwsClients.connect(settings)
    findings = create_resources(settings, clients)
    if probe:
        findings += try_for_real(settings, clients)
    _tell(findings, as_json=as_json)


def check(
    *,
    mongo_uri: Annotated[
        str | None,
        typer.Option(
            help="The MongoDB to look at. Default: MONGO_URI, or the one that serve started."
        ),
    ] = None,
    mongo_database: Annotated[
        str | None, typer.Option(help="Its database. Default: MONGO_DATABASE, or found by itself.")
    ] = None,
    aws_endpoint_url: Endpoint = None,
    data_dir: Annotated[
        Path, typer.Option(envvar=DATA_DIR_VARIABLE, help="Of the running serve.")
    ] = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Say whether it is safe to start: MongoDB, its user, indexes and lag; buckets and queues.

    Also tells the hours of the week with the fewest edits. Exits with 1 if anything is wrong, and
    names each fault. Nothing is written.
    """
    given = {
        "mongo_uri": mongo_uri,
        "mongo_database": mongo_database,
        "aws_endpoint_url": aws_endpoint_url,
    }
    served = ClientFile.read(data_dir)
    settings = _settings_of_check(given, served)
    from course_backfill.adapters.aws_clients import AwsClients, events_client
    from course_backfill.adapters.event_bridge import check_bus
    from course_backfill.adapters.setup import check_storage

    try:
        clients = AwsClients.connect(settings)
    except InvalidInput as error:
        if served is None or settings.aws_endpoint_url is not None:
            raise
        raise InvalidInput(*error.problems, _unnamed_endpoint(served)) from error
    findings = _check_source(settings)
    findings += check_storage(settings, clients)
    if settings.event_bus is not None:
        findings.append(check_bus(events_client(settings), settings.event_bus))
    _tell(findings, as_json=as_json)


def _settings_of_check(given: dict[str, str | None], served: ClientFile | None) -> Settings:
    """Options and settings, and what the running `serve` started itself.

    Its AWS is not taken for a MongoDB that is named although it started one itself: nothing says
    that the two belong together. Raises InvalidInput where no MongoDB is named.
    """
    settings = Settings.load(given)
    own: dict[str, str | None] = {}
    if served and not settings.names_mongodb:
        own |= {"mongo_uri": served.mongo_uri, "mongo_database": served.mongo_database}
    if served and settings.aws_endpoint_url is None:
        is_beside = not settings.names_mongodb or served.mongo_uri is None
        own |= {"aws_endpoint_url": served.aws_endpoint_url if is_beside else None}
    settings = Settings.load({**own, **{name: one for name, one in given.items() if one}})
    if not settings.names_mongodb:
        raise InvalidInput(Problem("MONGO_URI", NO_MONGODB if served is None else NOT_ITS_OWN))
    return settings


def _unnamed_endpoint(served: ClientFile) -> Problem:
    """What to name where the AWS of the running `serve` may be meant, and not AWS itself."""
    own = served.aws_endpoint_url
    where = f"is at {own}" if own else "is not its own, so it keeps the address to itself"
    return Problem("--aws-endpoint-url", f"or name the AWS of the running serve: it {where}")


def _check_source(settings: Settings) -> list[Finding]:
    from course_backfill.adapters.aws_secrets import AwsSecrets
    from course_backfill.adapters.contentstore.databases import find_database
    from course_backfill.adapters.contentstore.health import check_source
    from course_backfill.adapters.mongodb import connect
    from course_backfill.clock import system_clock
    from course_backfill.errors import CourseBackfillError
    from course_backfill.findings import Finding

    bucket = settings.contentstore_bucket
    try:
        uri = settings.mongo_uri or AwsSecrets(settings).mongo_uri()
        with connect(uri.get_secret_value()) as client:
            database = settings.mongo_database or find_database(client, bucket=bucket)
            return check_source(client=client, database=database, clock=system_clock, bucket=bucket)
    except CourseBackfillError as error:
        return [
            Finding(
                "MongoDB", False, str(error), "Check MONGO_URI or its secret, and MONGO_DATABASE."
            )
        ]


def _tell(findings: Iterable[Finding], *, as_json: bool) -> None:
    """Prints what was found; raises Failed where anything is wrong."""
    found = list(findings)
    faults = [one for one in found if not one.ok]
    if as_json:
        print_json(
            [
                {"name": one.name, "ok": one.ok, "detail": one.detail, "action": one.action}
                for one in found
            ]
        )
    else:
        print_table(
            ["", "What", "Found"],
            [
                [status_text("ok" if one.ok else "FAULT"), one.name, printable(one.detail)]
                for one in found
            ],
        )
        for one in found:
            if one.action:
                label = "advice" if one.ok else "to do"
                say(f"{label}, {one.name}: {printable(one.action)}")
    if faults:
        names = dict.fromkeys(one.name for one in faults)
        raise Failed(f"Not in order: {', '.join(names)}.")
    if not as_json:
        say("All in order.", style="green")
