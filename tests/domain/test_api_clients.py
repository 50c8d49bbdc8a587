"""Clients of the API in the settings: named, each with a token of its own, wrong ones refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from course_backfill.errors import InvalidInput
from course_backfill.settings import Settings, environment_name

VARIABLE = "COURSE_BACKFILL_API_CLIENTS"
CANARY = "canary-canary-canary"
READER: dict[str, Any] = {"id": "dashboard", "token": CANARY, "scopes": ["ingests:read"]}
OTHER: dict[str, Any] = {"id": "ops", "token": f"{CANARY}-2", "scopes": ["ingests:write"]}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*map(environment_name, Settings.model_fields), "COURSE_BACKFILL_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def problems(monkeypatch: pytest.MonkeyPatch, clients: Any) -> dict[str, str]:
    monkeypatch.setenv(VARIABLE, json.dumps(clients))
    with pytest.raises(InvalidInput) as refusal:
        Settings.load()
    assert "canary" not in str(refusal.value)
    return {problem.pointer: problem.detail for problem in refusal.value.problems}


def test_clients_are_read_from_the_environment_and_shown_without_their_tokens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, json.dumps([READER, OTHER]))
    settings = Settings.load()
    assert [(one.id, one.scopes) for one in settings.api_clients] == [
        ("dashboard", ("ingests:read",)),
        ("ops", ("ingests:write",)),
    ]
    assert settings.api_clients[0].token.get_secret_value() == CANARY
    assert "canary" not in repr(settings) + settings.model_dump_json()


def test_the_documented_example_is_one(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "settings.md").read_text()
    example = next(one for one in page.split("```toml\n") if one.startswith("[[api_clients]]"))
    (tmp_path / "course-backfill.toml").write_text(example.partition("```")[0])
    [client] = Settings.load().api_clients
    assert (client.id, client.scopes) == ("dashboard", ("ingests:read",))


def test_every_mistake_in_a_client_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"id": "a b", "token": "canary", "scopes": ["ingests:raed"], "name": "x"}
    found = problems(monkeypatch, [READER, wrong])
    place = f"{VARIABLE} item 2"
    assert found == {
        f"{place} id": "expected at most 64 letters, digits and ._@-, a letter or digit first",
        f"{place} token": "expected at least 16 characters or items",
        f"{place} scopes item 1": "expected 'ingests:read', 'ingests:write', 'content:read' or "
        "'content:locked'",
        f"{place} name": "no such setting",
    }


@pytest.mark.parametrize(
    ("clients", "named"),
    [
        ([READER, READER], "'dashboard' is there 2 times"),
        ([READER, OTHER | {"token": CANARY}], "'dashboard' and 'ops' are the same"),
        ([READER | {"id": "schedule"}], "another id than 'schedule'"),
        ([READER | {"id": "local"}], "another id than 'local'"),
    ],
)
def test_clients_that_could_not_be_told_apart_are_refused(
    monkeypatch: pytest.MonkeyPatch, clients: Any, named: str
) -> None:
    assert named in problems(monkeypatch, clients)[VARIABLE]


def test_a_client_may_not_hold_the_token_for_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_BACKFILL_API_TOKEN", CANARY)
    detail = problems(monkeypatch, [OTHER, READER])[VARIABLE]
    assert detail == "expected other tokens than COURSE_BACKFILL_API_TOKEN: dashboard"


@pytest.mark.parametrize("clients", [[READER | {"scopes": []}], {"id": "x"}, ["x"], "x"])
def test_what_are_no_clients_is_refused(monkeypatch: pytest.MonkeyPatch, clients: Any) -> None:
    assert all(one.startswith(VARIABLE) for one in problems(monkeypatch, clients))
