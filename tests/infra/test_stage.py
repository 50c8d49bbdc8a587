"""Stages: the two examples load, and every mistake of a file is named, all of them at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from course_backfill.errors import InvalidInput
from course_backfill.settings import Settings
from infra.stage import FOLDER, FUNCTIONS, GIVEN_OTHERWISE, Stage, stages

SETTINGS: dict[str, Any] = {"mongo_uri_secret_name": "edx/mongodb"}
RIGHT: dict[str, Any] = {"account": "111111111111", "region": "eu-west-1", "settings": SETTINGS}
NETWORK = {
    "vpc_id": "vpc-0123",
    "availability_zones": ["eu-west-1a"],
    "subnet_ids": ["subnet-0123"],
    "route_table_ids": ["rtb-0123"],
    "mongodb": ["10.0.0.0/16"],
    "prefix_lists": ["pl-0123"],
}


def problems(**changes: Any) -> dict[str, str]:
    """Place → detail of what is wrong once these fields are changed."""
    with pytest.raises(InvalidInput) as refusal:
        Stage.of("test", RIGHT | changes)
    return {one.pointer.removeprefix("test.toml: "): one.detail for one in refusal.value.problems}


def of_settings(**changes: Any) -> dict[str, Any]:
    return SETTINGS | changes


def test_the_stages_of_the_repository_load_and_share_no_name() -> None:
    found = {name: Stage.load(file) for name, file in stages().items()}
    assert found
    assert {stage.name for stage in found.values()} == set(found)
    assert len({stage.settings.namespace for stage in found.values()}) == len(found)


def test_a_stage_says_little_and_the_rest_follows() -> None:
    stage = Stage.of("test", RIGHT)
    assert stage.settings.aws_region == "eu-west-1"
    assert stage.settings.visibility_seconds == 6 * 300
    assert stage.settings.event_bus == "course-backfill-events"
    assert stage.settings.scope_prefix == f"{stage.resource_server}/" == "course-backfill/"
    assert stage.function_name("planner") == "course-backfill-planner"


def test_every_mistake_is_named_at_once() -> None:
    found = problems(
        account="12",
        region="Ireland",
        alarm_email="nobody",
        log_retention_days=13,
        sweep_minuts=2,
        sweep_minutes=6,
        functions={"timeout_seconds": 1_000, "memory": {"planer": 512}},
        clients=[{"name": "lms", "scopes": ["content:write"]}],
        throttling={"burst": 0},
        settings={"files_in_flight": 0, "lease_second": 3},
    )
    assert set(found) == {
        "account",
        "region",
        "alarm_email",
        "log_retention_days",
        "sweep_minuts",
        "sweep_minutes",
        "functions.timeout_seconds",
        "functions.memory.planer",
        "clients item 1 scopes",
        "throttling.burst",
        "settings.files_in_flight",
        "settings.lease_second",
        "settings.mongo_uri_secret_name",
    }
    assert found["settings.lease_second"] == "no such setting; did you mean lease_seconds?"
    assert "content:read" in found["clients item 1 scopes"]


@pytest.mark.parametrize("name", sorted(GIVEN_OTHERWISE))
def test_what_a_stage_does_not_choose_is_refused_with_what_does(name: str) -> None:
    found = problems(settings=of_settings(**{name: "mongodb://user:hunter2-hunter2@db"}))
    assert found == {f"settings.{name}": f"not here: {GIVEN_OTHERWISE[name]}"}


def test_everything_that_a_stage_does_not_choose_is_a_setting() -> None:
    assert set(GIVEN_OTHERWISE) <= set(Settings.model_fields)


def test_messages_stay_hidden_for_six_runs_of_the_longest_function() -> None:
    stage = Stage.of(
        "test",
        RIGHT
        | {"functions": {"timeout_seconds": 900}}
        | {"settings": of_settings(resweep_seconds=[1_800, 86_400])},
    )
    assert stage.settings.visibility_seconds == 5_400


def test_sweeps_behind_late_writers_come_after_two_of_their_longest_runs() -> None:
    assert problems(functions={"timeout_seconds": 301}) == {
        "settings.resweep_seconds": "expected 602 or more first: twice functions.timeout_seconds"
    }


def test_settings_that_no_function_can_hold_are_refused() -> None:
    hosts = [f"a-rather-long-name-of-host-number-{number}.example.org" for number in range(100)]
    found = problems(settings=of_settings(callback_allowed_hosts=hosts))
    assert list(found) == ["settings"]
    assert "4096" in found["settings"]


@pytest.mark.parametrize("name", sorted(set(NETWORK) - {"vpc_id"}))
def test_a_network_is_given_whole_or_not_at_all(name: str) -> None:
    without = {key: value for key, value in NETWORK.items() if key != name}
    assert problems(network=without) == {f"network.{name}": "is not set, and vpc_id is"}
    assert problems(network={name: NETWORK[name]}) == {f"network.{name}": "goes with vpc_id"}


def test_each_zone_has_a_subnet_and_its_routes() -> None:
    found = problems(network=NETWORK | {"availability_zones": ["eu-west-1a", "eu-west-1b"]})
    assert list(found) == ["network.subnet_ids"]


def test_endpoints_are_made_or_it_is_said_where_they_are() -> None:
    there = {"endpoints": False, "endpoint_networks": ["10.0.7.0/24"]}
    assert Stage.of("test", RIGHT | {"network": NETWORK | there}).network.endpoint_networks
    for lacking in there.items():
        assert list(problems(network=NETWORK | dict([lacking]))) == ["network.endpoint_networks"]


def test_clients_have_names_of_their_own() -> None:
    twice = [{"name": "lms", "scopes": ["content:read"]}] * 2
    assert list(problems(clients=twice)) == ["clients"]


def test_limits_are_of_functions_that_there_are() -> None:
    stage = Stage.of("test", RIGHT | {"functions": {"at_once": dict.fromkeys(FUNCTIONS, 2)}})
    assert [stage.functions.at_once_of(one) for one in FUNCTIONS] == [2] * len(FUNCTIONS)


def test_a_file_that_is_no_toml_is_refused_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "broken.toml"
    file.write_text("account = ")
    with pytest.raises(InvalidInput, match=r"broken\.toml"):
        Stage.load(file)


def test_no_secret_can_be_in_a_stage_of_the_repository() -> None:
    assert not [
        file
        for file in FOLDER.glob("*.toml")
        if "mongodb://" in file.read_text() or "mongodb+srv://" in file.read_text()
    ]
