"""Finds the API for a command: by its options, the settings, or the file that `serve` left."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from course_backfill.cli.api_client import ApiClient
from course_backfill.cli.client_credentials import ClientCredentials
from course_backfill.errors import CourseBackfillError
from course_backfill.local.client_file import DATA_DIR_VARIABLE, DEFAULT_DATA_DIR, ClientFile
from course_backfill.settings import Settings

PANEL = "Which API"
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
TIMEOUT = httpx.Timeout(60, connect=5)

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="Where the API is. Default: COURSE_BACKFILL_API_URL, or what `serve` runs.",
        rich_help_panel=PANEL,
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token",
        help="The API's token. Better in COURSE_BACKFILL_API_TOKEN, where others cannot see it.",
        rich_help_panel=PANEL,
    ),
]
DataDir = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        envvar=DATA_DIR_VARIABLE,
        help="The data directory of the `serve` to talk to.",
        rich_help_panel=PANEL,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV, for a spreadsheet.")]


class NoApi(CourseBackfillError):
    """Nothing says where the API is, or with which token."""


@contextmanager
def open_api(url: str | None, token: str | None, data_dir: Path) -> Iterator[ApiClient]:
    """A client of the API that the options, the settings or the running `serve` name.

    The token of the file goes only to the API that the file names, tokens of client credentials
    only to one that was named otherwise. Raises NoApi and InvalidInput.
    """
    settings = Settings.load({"api_url": url, "api_token": token})
    served = ClientFile.read(data_dir)
    found = settings.api_url or (served.url if served else None)
    if found is None:
        raise NoApi(
            f"No API is running from {data_dir}. Start one with course-backfill serve, or name "
            "one with COURSE_BACKFILL_API_URL and COURSE_BACKFILL_API_TOKEN."
        )
    # A client's tokens are for the API that was set up beside it, not for one that runs here.
    is_elsewhere = settings.api_url is not None and token is None
    renewing = ClientCredentials.given(settings.token_url) if is_elsewhere else None
    secret = settings.api_token.get_secret_value() if settings.api_token else None
    if secret is None and served and served.url.rstrip("/") == found.rstrip("/"):
        secret = served.token
    if secret is None and renewing is None:
        raise NoApi(f"The API at {found} needs a token: set COURSE_BACKFILL_API_TOKEN.")
    headers = {} if renewing else {"authorization": f"Bearer {secret}"}
    # A proxy of the surroundings is for the world outside, not for this machine.
    trust_env = httpx.URL(found).host not in LOOPBACK
    with httpx.Client(
        base_url=found, headers=headers, auth=renewing, timeout=TIMEOUT, trust_env=trust_env
    ) as http:
        yield ApiClient(http)


def with_api(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command its API client as the first argument, and the options that choose the API.

    Refuses two formats at once.
    """

    @functools.wraps(command)
    def run(*, url: str | None, token: str | None, data_dir: Path, **options: Any) -> None:
        if options.get("as_csv") and options.get("as_json"):
            raise typer.BadParameter("--csv and --json exclude each other: say one of them")
        with open_api(url, token, data_dir) as api:
            command(api, **options)

    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    keyword = inspect.Parameter.KEYWORD_ONLY
    connection = [
        inspect.Parameter("url", keyword, default=None, annotation=Url),
        inspect.Parameter("token", keyword, default=None, annotation=Token),
        inspect.Parameter("data_dir", keyword, default=DEFAULT_DATA_DIR, annotation=DataDir),
    ]
    parameters = [one.replace(kind=keyword) for one in own] + connection
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # typer reads it
    return run
