"""The page about large installations has the limits and the estimates as they are computed."""

from __future__ import annotations

from pathlib import Path

from benchmarks import scale_costs, scale_facts, scale_limits
from course_backfill.estimation.rates import Rates
from infra.stage_parts import FunctionLimits

PAGE = (Path(__file__).parents[2] / "docs" / "scale.md").read_text()


def test_the_page_has_the_limits_as_they_are_computed() -> None:
    """Where it has not: `python -m benchmarks.scale_limits` prints them."""
    assert scale_limits.markdown() in PAGE


def test_the_page_has_the_estimates_as_they_are_computed() -> None:
    """Where it has not: `python -m benchmarks.scale_costs` prints them."""
    assert scale_costs.markdown() in PAGE


def test_limits_are_computed_for_as_many_functions_as_stages_have() -> None:
    functions = FunctionLimits()
    assert functions.at_once_of("replicator") == scale_facts.COPYING
    assert functions.at_once_of("verifier") == scale_facts.VERIFYING
    assert functions.at_once_of("planner") == scale_facts.OTHERS
    assert functions.timeout_seconds == scale_facts.TIMEOUT
    assert functions.disk_of("planner") == functions.disk_of("aggregator") == scale_facts.USUAL_DISK
    assert Rates().workers == scale_facts.COPYING + scale_facts.COPYING


def test_limits_that_are_over_are_told_first() -> None:
    over = [one.of for one in scale_limits.limits() if "**over**" in one.verdicts]
    assert over == [
        "janitor: watches due while all wait",
        "MongoDB: bytes, without a limit",
        "discovery: one round, an hour apart",
    ]
    told = PAGE.partition("## Measured")[0]
    for words in ("A discovery takes longer", "floods the queues", "MongoDB is read with up to"):
        assert words in told
