"""One stage of the deployment, such as dev or prod: read from one file, every mistake named."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, Field, ValidationError

from course_backfill.errors import InvalidInput, Problem
from course_backfill.messages import SERVICES
from course_backfill.settings import Settings
from course_backfill.settings_sources import expected, unknown_names
from course_backfill.settings_values import shaped
from infra.environment import LARGEST, environment, size_of
from infra.stage_parts import Client, FunctionLimits, Network, Part, Throttling

FOLDER = Path(__file__).parent / "stages"
API = "ingests-api"
FUNCTIONS = (API, *SERVICES)
"""Every function of the installation; a function is called {namespace}-{one of these}."""
READS_MONGODB = ("planner", "replicator", "verifier")
VISIBILITY_TIMEOUTS = 6
"""A message stays hidden for so many of its function's timeouts, as Lambda asks of a queue."""

GIVEN_OTHERWISE = {
    "mongo_uri": "a secret has no place here: mongo_uri_secret_name names it",
    "callback_secret": "a secret has no place here: callback_secret_name names it",
    "api_token": "tokens are Cognito's: clients lists who gets one",
    "api_clients": "tokens are Cognito's: clients lists who gets one",
    "api_url": "the stack says where the API is",
    "aws_endpoint_url": "a stage is deployed to AWS itself",
    "aws_region": "region says it",
    "scope_prefix": "the stack's resource server says it",
    "token_url": "the stack's user pool says it",
    "event_bus": "the stack makes it",
    "visibility_seconds": f"it is {VISIBILITY_TIMEOUTS} × functions.timeout_seconds",
}
"""Settings of the product that a stage does not choose, and what does."""

T = TypeVar("T", bound=BaseModel)
Account = Annotated[str, shaped(r"[0-9]{12}", "the 12 digits of an AWS account")]
Region = Annotated[str, shaped(r"[a-z]{2,}(-[a-z0-9]+)+", "a region such as eu-west-1")]


class Stage(Part):
    """What one deployment is made of."""

    name: str
    account: Account
    region: Region
    settings: Settings
    """The product's own, as its functions will read them; no secret among them."""
    network: Network = Network()
    functions: FunctionLimits = FunctionLimits()
    clients: tuple[Client, ...] = ()
    throttling: Throttling = Throttling()
    alarm_email: Annotated[str, shaped(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an address")] | None = None
    """Who is told of alarms; unset: the topic is there, and nobody listens."""
    log_retention_days: Literal[7, 14, 30, 90, 180, 365, 731] = 90
    sweep_minutes: Annotated[int, Field(ge=1, le=5)] = 1
    """How often the janitor looks for what is due, and counts what alarms look at: more seldom than
    every five minutes these would not see it."""

    @classmethod
    def load(cls, file: Path) -> Self:
        """Reads a stage from a file called after it; raises InvalidInput that names every mistake.

        The file has the fields of this class; its table `settings` has those of the product.
        """
        try:
            given = tomllib.loads(file.read_text())
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise InvalidInput(Problem(str(file), f"cannot be read: {error}")) from None
        return cls.of(file.stem, given)

    @classmethod
    def of(cls, name: str, given: Mapping[str, Any]) -> Self:
        """The stage of that name; raises InvalidInput that names every mistake."""
        problems: list[Problem] = []
        own = {key: value for key, value in given.items() if key != "settings"}
        limits = _part(FunctionLimits, own.get("functions", {}), "functions", problems)
        settings = _settings(given.get("settings", {}), own.get("region"), limits, problems)
        rest = {key: value for key, value in own.items() if key != "functions"}
        made = _part(
            cls,
            {
                "functions": limits or FunctionLimits(),
                **rest,
                "name": name,
                "settings": settings or Settings(),
            },
            "",
            problems,
        )
        if made:
            problems += made.network.problems()
            problems += made._of_clients()
            problems += made._of_settings()
        if problems or made is None:
            raise InvalidInput(*(Problem(f"{name}.toml: {p.pointer}", p.detail) for p in problems))
        return made

    def _of_clients(self) -> Iterator[Problem]:
        names = [client.name for client in self.clients]
        for one in sorted({name for name in names if names.count(name) > 1}):
            yield Problem("clients", f"expected names of their own, and {one!r} is there twice")

    def _of_settings(self) -> Iterator[Problem]:
        longest, first = self.functions.timeout_seconds, self.settings.resweep_seconds[0]
        if first < 2 * longest:
            yield Problem(
                "settings.resweep_seconds",
                f"expected {2 * longest} or more first: twice functions.timeout_seconds",
            )
        size = size_of(environment(self.settings))
        if size > LARGEST:
            yield Problem(
                "settings", f"come to {size} bytes, and a function's environment holds {LARGEST}"
            )

    @property
    def resource_server(self) -> str:
        """The identifier of Cognito's resource server: what its tokens put before a scope."""
        return self.settings.scope_prefix.removesuffix("/")

    def function_name(self, function: str) -> str:
        """The full name of a function."""
        return f"{self.settings.namespace}-{function}"


def stages(folder: Path = FOLDER) -> dict[str, Path]:
    """Name → file of every stage that is configured."""
    return {file.stem: file for file in sorted(folder.glob("*.toml"))}


def _settings(
    given: Any, region: Any, limits: FunctionLimits | None, problems: list[Problem]
) -> Settings | None:
    if not isinstance(given, Mapping):
        problems.append(Problem("settings", "expected a table"))
        return None
    for name in sorted(set(given) & set(GIVEN_OTHERWISE)):
        problems.append(Problem(f"settings.{name}", f"not here: {GIVEN_OTHERWISE[name]}"))
    chosen = {name: value for name, value in given.items() if name not in GIVEN_OTHERWISE}
    unknown = set(chosen) - set(Settings.model_fields)
    problems += unknown_names(unknown, Settings.model_fields, where="settings.")
    values = {name: value for name, value in chosen.items() if name not in unknown}
    if "mongo_uri_secret_name" not in values:
        problems.append(Problem("settings.mongo_uri_secret_name", "is not set"))
    if isinstance(region, str):
        values["aws_region"] = region
    timeout = (limits or FunctionLimits()).timeout_seconds
    values["visibility_seconds"] = VISIBILITY_TIMEOUTS * timeout
    made = _part(Settings, values, "settings", problems)
    return made and made.model_copy(
        update={"event_bus": f"{made.namespace}-events", "scope_prefix": f"{made.namespace}/"}
    )


def _part(kind: type[T], values: Any, where: str, problems: list[Problem]) -> T | None:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        found = [one for one in error.errors() if one["type"] != "default_factory_not_called"]
        problems += [Problem(_place(where, one["loc"]), expected(one)) for one in found]
        return None


def _place(where: str, path: Sequence[int | str]) -> str:
    """Such as `clients item 1 scopes` and `functions.memory.planner`."""
    name = where
    for part in path:
        match part:
            case int():
                name += f" item {part + 1} "
            case "[key]":  # pydantic's word for what is no good name.
                continue
            case _:
                name += part if not name or name.endswith(" ") else f".{part}"
    return name.rstrip()
