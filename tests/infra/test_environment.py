"""The environment of a function: what is loaded from it is what the stage said."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from pydantic import SecretStr

from course_backfill.cold.prices import aws_prices
from course_backfill.cold.storage import Tier
from course_backfill.estimation.rates import Rates
from course_backfill.locations import Location
from course_backfill.settings import Settings
from infra.environment import environment
from infra.shell import main
from infra.stage import Stage, stages

REGION = "eu-west-1"
_NAMES = st.from_regex(r"[a-z][a-z0-9-]{1,20}[a-z0-9]", fullmatch=True)
_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
_HOSTS = st.from_regex(r"[a-z0-9.-]{1,20}", fullmatch=True)
_NETWORKS = st.sampled_from(["10.0.0.0/8", "192.168.7.0/24", "fd00::/8"])

_LOCATIONS = st.lists(
    st.builds(
        Location,
        id=_NAMES.map(lambda name: f"l-{name}"),
        bucket=_NAMES,
        prefix=st.sampled_from(["", "a/", "deep/er/"]),
        storage_class=st.sampled_from(["STANDARD", "DEEP_ARCHIVE"]),
        region=st.none() | st.just("eu-central-1"),
        endpoint_url=st.none() | st.just("https://s3.example.org"),
        role_arn=st.none() | st.just("arn:aws:iam::123456789012:role/backfill"),
        required=st.booleans(),
    ),
    unique_by=(lambda one: one.id, lambda one: one.bucket),
    max_size=3,
).map(lambda others: (Location(bucket="the-primary", prefix="edx/"), *others))

_PRICES = st.tuples(*(st.floats(0, 100) for _ in aws_prices())).map(
    lambda dollars: tuple(
        price.model_copy(update={"requests": given})
        for price, given in zip(aws_prices(), dollars, strict=True)
    )
)

_CHOICES: dict[str, st.SearchStrategy[Any]] = {
    "mongo_uri_secret_name": _NAMES,
    "mongo_database": _TEXTS,
    "contentstore_bucket": _TEXTS,
    "source_bytes_per_second": st.integers(100_000, 10**12),
    "work_bucket": st.just("elsewhere"),
    "locations": _LOCATIONS,
    "verify": st.sampled_from(["bytes", "checksums"]),
    "files_in_flight": st.integers(1, 256),
    "visibility_seconds": st.integers(100, 43_200),
    "resweep_seconds": st.just((1_800, 90_000)),
    "restore_tier": st.sampled_from(list(Tier)),
    "restore_first_look_seconds": st.integers(1, 1_000),
    "restore_prices": _PRICES,
    "restored_gigabyte_month": st.floats(0, 10),
    "estimate_rates": st.builds(Rates, workers=st.integers(1, 100), large_share=st.floats(0, 1)),
    "currency": st.just("EUR"),
    "callback_secret_name": _NAMES,
    "callback_allowed_hosts": st.lists(_HOSTS, max_size=3),
    "callback_allowed_networks": st.lists(_NETWORKS, max_size=3),
    "open_description": st.booleans(),
    "event_bus": _NAMES,
    "scope_prefix": _NAMES.map(lambda name: f"{name}/"),
}


@st.composite
def settings(draw: st.DrawFn) -> Settings:
    """Settings of a stage: any choice of those that differ from installation to installation."""
    chosen = draw(st.sets(st.sampled_from(sorted(_CHOICES))))
    values = {name: draw(_CHOICES[name]) for name in sorted(chosen)}
    return Settings(namespace=draw(_NAMES), aws_region=REGION, **values)


def loaded(variables: Mapping[str, str]) -> Settings:
    """What a function loads that has these variables and the one that Lambda itself sets."""
    with patch.dict(os.environ, {**variables, "AWS_REGION": REGION}, clear=True):
        return Settings.load()


@given(settings())
def test_a_function_loads_exactly_the_settings_of_its_stage(given: Settings) -> None:
    assert loaded(environment(given)) == given


@effort(max_examples=20)
@given(settings())
def test_no_variable_is_one_that_only_lambda_may_set(given: Settings) -> None:
    assert "AWS_REGION" not in environment(given)


@pytest.mark.parametrize(
    "secret",
    [
        {"mongo_uri": SecretStr("mongodb://user:hunter2@db")},
        {"callback_secret": SecretStr("hunter2-hunter2-hunter2")},
        {"api_token": SecretStr("hunter2")},
        {"api_clients": [{"id": "lms", "token": "hunter2-" * 4, "scopes": ["ingests:read"]}]},
    ],
)
def test_a_secret_is_never_put_into_an_environment(secret: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is a secret") as refusal:
        environment(Settings(**secret))
    assert "hunter2" not in str(refusal.value)


def test_a_shell_that_evaluates_what_is_printed_loads_the_settings_of_the_stage(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["prod"]) == 0
    printed = capsys.readouterr().out

    said = subprocess.run(  # noqa: S603 - Our own lines.
        ["/bin/sh", "-c", f"{printed}exec env -0"],
        env={},
        capture_output=True,
        text=True,
        check=True,
    )

    variables = dict(line.split("=", 1) for line in said.stdout.split("\0") if "=" in line)
    stage = Stage.load(stages()["prod"])
    assert loaded(variables) == stage.settings


def test_a_stage_that_there_is_not_is_refused_with_those_that_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["nope"]) == 2
    assert "dev, prod" in capsys.readouterr().err
