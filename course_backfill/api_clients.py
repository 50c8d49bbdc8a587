"""Clients of an API that runs on a machine: each with a token of its own, and what it may do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_settings import NoDecode

from course_backfill.ingests import SCHEDULE
from course_backfill.settings_values import from_json, shaped

Scope = Literal["ingests:read", "ingests:write", "content:read", "content:locked"]
ALL_SCOPES: tuple[Scope, ...] = get_args(Scope)

LOCAL = "local"
"""Whoever holds `api_token`, which is for everything."""
SHORTEST_TOKEN = 16
"""Characters; a token is made up at random, and a short one is soon guessed."""


def _some(scopes: tuple[Scope, ...]) -> tuple[Scope, ...]:
    if not scopes:
        raise ValueError("expected at least one scope")
    return scopes


class ApiClient(BaseModel):
    """Somebody who may use the API of this machine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[
        str,
        shaped(
            r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}",
            "at most 64 letters, digits and ._@-, a letter or digit first",
        ),
    ] = Field(description="Under which name it is recorded what this client did.")
    token: SecretStr = Field(min_length=SHORTEST_TOKEN, description="Its bearer token.")
    scopes: Annotated[tuple[Scope, ...], AfterValidator(_some)] = Field(
        description=f"What it may do: of {', '.join(ALL_SCOPES)}."
    )


def _fit_together(clients: tuple[ApiClient, ...]) -> tuple[ApiClient, ...]:
    if sentences := list(_problems(clients)):
        raise ValueError("; ".join(sentences))
    return clients


def _problems(clients: Sequence[ApiClient]) -> Iterator[str]:
    """A sentence for everything that is wrong with them together; no sentence tells a token."""
    for name, times in Counter(one.id for one in clients).items():
        if times > 1:
            yield f"expected each client to have its own id, and {name!r} is there {times} times"
        if name in {LOCAL, SCHEDULE}:
            yield f"expected another id than {name!r}, which is nobody's"
    by_token: dict[str, str] = {}
    for one in clients:
        other = by_token.setdefault(one.token.get_secret_value(), one.id)
        if other != one.id:
            yield f"expected different tokens, and those of {other!r} and {one.id!r} are the same"


ApiClientList = Annotated[
    tuple[ApiClient, ...], NoDecode, BeforeValidator(from_json), AfterValidator(_fit_together)
]
