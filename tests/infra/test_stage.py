"""Stages: the two examples load, and every mistake of a file is named, all of them at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from course_backfill.errors import InvalidInput
from course_backfill.settings import Settings
from infra.regions import known_regions
from infra.stage import FOLDER, FUNCTIONS, GIVEN_OTHERWISE, Stage, stages

SETTINGS: dict[str, Any] = {"mongo_uri_secret_name": "edx/mongodb"}
RIGHT: dict[str, Any] = {
    "account": "111111111111",
    "region": "eu-west-1",
    "clients": [{"name": "operator", "scopes": ["ingests:read"]}],
    "settings": SETTINGS,
}
NETWORK: dict[str, Any] = {
    "vpc_id": "vpc-01234567",
    "availability_zones": ["eu-west-1a"],
    "subnet_ids": ["subnet-01234567"],
    "route_table_ids": ["rtb-01234567"],
    "mongodb": ["10.0.0.0/16"],
    "prefix_lists": ["pl-01234567"],
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


def test_functions_that_share_a_read_rate_have_time_for_a_packet_each() -> None:
    slow = {"settings": of_settings(source_bytes_per_second=6_000_000)}
    found = problems(**slow)
    assert list(found) == ["settings.source_bytes_per_second"]
    assert found["settings.source_bytes_per_second"].startswith(
        "expected 7767230 or more: 8 functions that copy share it, and each has 270 s for a packet"
    )
    fewer = {"functions": {"at_once": {"replicator": 6}}}
    assert Stage.of("test", RIGHT | slow | fewer).settings.source_bytes_per_second == 6_000_000
    enough = {"settings": of_settings(source_bytes_per_second=7_767_230)}
    assert Stage.of("test", RIGHT | enough).settings.source_bytes_per_second == 7_767_230


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
    assert list(problems(clients=[])) == ["clients"]


def test_what_is_wrong_in_one_part_hides_nothing_of_the_others() -> None:
    twice = [{"name": "lms", "scopes": ["content:read"]}] * 2
    without = {key: value for key, value in NETWORK.items() if key != "mongodb"}
    for broken, where in (
        ({"account": "12"}, "account"),
        ({"throttling": {"burst": 0}}, "throttling.burst"),
        (
            {"settings": of_settings(locations=[{"id": "primary"}])},
            "settings.locations item 1 bucket",
        ),
        ({"functions": {"timeout_seconds": 0}}, "functions.timeout_seconds"),
    ):
        found = problems(clients=twice, network=without, **broken)
        assert set(found) == {where, "clients", "network.mongodb"}
    found = problems(clients=twice, network={"vpc_id": 3}, functions={"timeout_seconds": 301})
    assert set(found) == {"clients", "network.vpc_id", "settings.resweep_seconds"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"locations": [{"id": "primary", "bucket": "UPPER"}], "resweep_seconds": [1_800, 86_400]},
        {"files_in_flight": 0},
        {"namespace": "!"},
    ],
)
def test_nothing_is_held_against_settings_that_stand_in_for_wrong_ones(
    wrong: dict[str, Any],
) -> None:
    found = problems(functions={"timeout_seconds": 900}, settings=of_settings(**wrong))
    assert len(found) == 1
    assert "settings.resweep_seconds" not in found


def test_nothing_is_held_against_limits_that_stand_in_for_wrong_ones() -> None:
    found = problems(
        functions={"memory": {"planer": 512}, "timeout_seconds": 900},
        settings=of_settings(resweep_seconds=[400, 800], lease_seconds=2_000),
    )
    assert set(found) == {"functions.memory.planer"}


@pytest.mark.parametrize("network", [{}, NETWORK])
def test_a_region_that_aws_does_not_have_is_refused_with_the_closest(
    network: dict[str, Any],
) -> None:
    found = problems(region="eu-wst-1", network=network)
    assert set(found) == {"region"}
    assert "did you mean eu-west-1?" in found["region"]
    # One that is newer than the data is refused the same way, and says what it needs.
    assert "newer botocore" in problems(region="eu-west-9")["region"]


@pytest.mark.parametrize("region", [None, 3, "", "Ireland", "eu-west-1 "])
def test_a_region_is_refused_whatever_stands_there(region: Any) -> None:
    assert set(problems(region=region)) == {"region"}


def test_every_region_of_the_sdk_is_taken() -> None:
    assert {"eu-west-1", "us-gov-west-1", "cn-north-1", "eusc-de-east-1"} <= known_regions()
    for region in known_regions():
        network = NETWORK | {"availability_zones": [f"{region}a"]}
        assert Stage.of("test", RIGHT | {"region": region, "network": network}).region == region


def test_regions_are_known_whatever_profile_the_machine_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobodys")
    known_regions.cache_clear()
    assert Stage.of("test", RIGHT)


def test_regions_of_locations_are_of_aws_but_for_those_in_other_stores() -> None:
    primary = {"id": "primary", "bucket": "first-bucket"}
    second = {"id": "second", "bucket": "second-bucket", "region": "eu-cntral-1"}
    found = problems(settings=of_settings(locations=[primary, second], files_in_flight=0))
    assert set(found) == {"settings.locations item 2 region", "settings.files_in_flight"}
    assert "did you mean eu-central-1?" in found["settings.locations item 2 region"]
    elsewhere = second | {"region": "garage-1", "endpointUrl": "https://s3.example.org"}
    assert Stage.of("test", RIGHT | {"settings": of_settings(locations=[primary, elsewhere])})


def test_zones_are_of_the_region_of_the_stage() -> None:
    zones = ["eu-west-1a", "eu-west-2b"]
    twice = {name: NETWORK[name] * 2 for name in ("subnet_ids", "route_table_ids")}
    found = problems(network=NETWORK | twice | {"availability_zones": zones})
    assert set(found) == {"network.availability_zones"}
    assert found["network.availability_zones"].endswith("not eu-west-2b")
    # No zone is held against a region that is wrong itself.
    assert set(problems(region="eu-wst-1", network=NETWORK)) == {"region"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [("subnet_ids", "subnet"), ("route_table_ids", "rtb"), ("prefix_lists", "pl")],
)
def test_ids_of_the_network_are_whole_and_of_their_kind(name: str, kind: str) -> None:
    for right in ("01234567", "0123456789abcdef0"):
        assert Stage.of("test", RIGHT | {"network": NETWORK | {name: [f"{kind}-{right}"]}})
    for wrong in ("0123456", "0123456789abcdef", "0123456789abcdef01", "0123456g", "ABCDEF01"):
        found = problems(network=NETWORK | {name: [f"{kind}-{wrong}"]})
        assert set(found) == {f"network.{name} item 1"}
    assert set(problems(network=NETWORK | {name: ["vpc-01234567"]})) == {f"network.{name} item 1"}


def test_the_id_of_a_vpc_and_names_of_zones_are_held_to_their_shape() -> None:
    found = problems(network=NETWORK | {"vpc_id": "vpc-012", "availability_zones": ["eu-west-1"]})
    assert set(found) == {"network.vpc_id", "network.availability_zones item 1"}


def test_a_namespace_that_cognito_has_no_domain_for_is_refused() -> None:
    assert set(problems(settings=of_settings(namespace="lawschool"))) == {"settings.namespace"}


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
