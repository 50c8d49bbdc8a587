"""One stage of the deployment, such as dev or prod: read from one file, every mistake named."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from course_backfill.errors import InvalidInput, Problem
from course_backfill.locations import Location
from course_backfill.messages import SERVICES
from course_backfill.settings import Settings
from course_backfill.settings_sources import expected, unknown_names
from course_backfill.settings_values import shaped
from infra import stage_checks
from infra.regions import known_region
from infra.stage_parts import LONGEST_TIMEOUT, Client, FunctionLimits, Network, Part, Throttling

FOLDER = Path(__file__).parent / "stages"
API = "ingests-api"
FUNCTIONS = (API, *SERVICES)
"""Every function of the installation; a function is called {namespace}-{one of these}."""
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

T = TypeVar("T")
Account = Annotated[str, shaped(r"[0-9]{12}", "the 12 digits of an AWS account")]
Region = Annotated[str, AfterValidator(known_region)]


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
        """The stage of that name; raises InvalidInput that names every mistake.

        What has to fit together is looked at wherever the parts themselves are well-formed.
        """
        problems: list[Problem] = []
        limits = _part(FunctionLimits, given.get("functions", {}), "functions", problems)
        network = _part(Network, given.get("network", {}), "network", problems)
        clients = _part(tuple[Client, ...], given.get("clients", ()), "clients", problems)
        region = _part(Region, given.get("region"), "region", [])
        settings = _settings(given.get("settings", {}), region, limits, problems)
        looked_at = frozenset({"functions", "network", "clients", "settings"})
        whole = {**given, "name": name, "settings": settings}
        made = _part(cls, whole, "", problems, but=looked_at)
        if network is not None:
            problems += network.problems(region)
        if clients is not None:
            problems += stage_checks.of_clients(clients)
        if settings is not None:
            problems += stage_checks.of_settings(settings)
        if settings is not None and limits is not None:
            problems += stage_checks.of_sweeps(settings, limits)
            problems += stage_checks.of_reading(settings, limits)
        if problems or made is None:
            raise InvalidInput(*(Problem(f"{name}.toml: {p.pointer}", p.detail) for p in problems))
        return made

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
    given: Any, region: str | None, limits: FunctionLimits | None, problems: list[Problem]
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
    # Alone, so that what else is wrong of the settings hides nothing of them.
    locations = _part(tuple[Location, ...], values.get("locations", ()), "", [])
    problems += stage_checks.of_locations(locations or ())
    if region is not None:
        values["aws_region"] = region
    # Where the timeout is wrong, the longest: what is held against it is then no mistake for sure.
    timeout = limits.timeout_seconds if limits else LONGEST_TIMEOUT
    values["visibility_seconds"] = VISIBILITY_TIMEOUTS * timeout
    made = _part(Settings, values, "settings", problems)
    return made and made.model_copy(
        update={"event_bus": f"{made.namespace}-events", "scope_prefix": f"{made.namespace}/"}
    )


def _part(
    kind: type[T],
    values: Any,
    where: str,
    problems: list[Problem],
    *,
    but: frozenset[str] = frozenset(),
) -> T | None:
    """A value of that kind, or None and its problems; not those of the fields `but`."""
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        problems += [
            Problem(_place(where, one["loc"]), expected(one))
            for one in error.errors()
            if one["type"] != "default_factory_not_called" and not but.intersection(one["loc"][:1])
        ]
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
