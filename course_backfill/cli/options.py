"""Options that several commands share, and the fields of a request that they fill."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from course_backfill.api_clients import SHORTEST_TOKEN
from course_backfill.cli.api_client import Document
from course_backfill.cold.storage import Tier
from course_backfill.errors import InvalidInput, Problem
from course_backfill.settings import Settings, environment_name


class OnFailure(StrEnum):
    """What becomes of the copies of a failed ingest."""

    ROLLBACK = "rollback"
    KEEP = "keep"


class CorruptObjects(StrEnum):
    """What a bad object of the source does to its ingest."""

    FAIL = "fail"
    RECORD = "record"


AllMissing = Annotated[
    bool,
    typer.Option(
        "--all-missing",
        help="Every course that is not migrated, is missing in a required location, has damaged "
        "copies, or is stale.",
    ),
]
FromLocation = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="LOCATION",
        help="Copy all registered versions from this location, and do not read MongoDB.",
    ),
]
ToLocations = Annotated[
    list[str] | None,
    typer.Option(
        "--location",
        "-l",
        metavar="LOCATION",
        help="Where to; may be repeated. Default: the required ones, which a backfill from "
        "MongoDB always fills.",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Report what an ingest would meet; copy nothing.")
]
ReadSource = Annotated[
    bool,
    typer.Option("--read-source", help="With --dry-run: read every byte, to find all faults."),
]
KeepOrNot = Annotated[
    OnFailure, typer.Option(help="keep: what was copied waits for course-backfill retry.")
]
FailOrNot = Annotated[
    CorruptObjects,
    typer.Option(help="record: copy the rest, and list the bad files as exceptions."),
]
InLocations = Annotated[
    list[str] | None,
    typer.Option("--location", "-l", metavar="LOCATION", help="Only there; may be repeated."),
]
TierOption = Annotated[
    Tier | None,
    typer.Option(
        "--tier",
        case_sensitive=False,
        metavar="|".join(Tier),
        help="How fast what is cold is restored. Default: the installation's.",
    ),
]
Days = Annotated[
    int | None,
    typer.Option(min=1, max=365, help="How long restored copies last. Default: as set up."),
]
MaxCost = Annotated[
    float | None,
    typer.Option(min=0, help="Refuse to restore for more, in the currency of the price table."),
]
Version = Annotated[str | None, typer.Option(help="A version such as v1. Default: the latest.")]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Follow until the end.")]


def restore_of(tier: Tier | None, days: int | None, max_cost: float | None) -> Document:
    """The fields that say how what is cold is restored; none that was not given."""
    given = {
        "restoreTier": tier.value if tier else None,
        "restoreDays": days,
        "maxCost": max_cost,
    }
    return {name: one for name, one in given.items() if one is not None}


def require_safe_token(settings: Settings, option: str | None) -> None:
    """Refuses a token that an API is to be opened with, and that could be guessed.

    `option` is the value of --token, which is named instead of the setting. A client's token is
    its API's business.
    """
    token = settings.api_token
    if token is not None and len(token.get_secret_value()) < SHORTEST_TOKEN:
        name = "--token" if option else environment_name("api_token")
        raise InvalidInput(Problem(name, f"expected at least {SHORTEST_TOKEN} characters"))
