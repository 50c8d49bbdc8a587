"""Meters: what CloudWatch reads from the log of a function, its memory twin, and a machine's."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from course_backfill.adapters.emf_meter import EmfMeter, UnreadMeter, meter_of
from course_backfill.adapters.memory_meter import MemoryMeter
from course_backfill.messages import SERVICES, Step
from course_backfill.metrics import (
    BYTES,
    COMMON,
    COURSES,
    DEAD_LETTERS,
    FAILURES,
    METRICS,
    NAMESPACE,
    OBJECTS,
    OTHER,
    SECONDS,
    VALUES,
    Metric,
    Unit,
)
from course_backfill.ports import Meter
from course_backfill.work_context import working_on

SECRET = "Zx9Quk42Canary"


class Emissions:
    """What a meter emitted, whichever it is, as (name, unit, values, dimensions)."""

    def __init__(self, kind: str, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture
        self.memory = MemoryMeter("courses")
        self.meter: Meter = self.memory if kind == "memory" else EmfMeter("courses")

    def take(self) -> list[tuple[str, str, float, dict[str, str]]]:
        if self.meter is self.memory:
            emitted, self.memory.emitted = self.memory.emitted, []
            return [
                (one.metric.name, one.metric.unit, one.value, one.dimensions) for one in emitted
            ]
        lines = map(json.loads, self._capture.readouterr().out.splitlines())
        return [one for line in lines for one in read_emf(line)]


def read_emf(line: dict[str, Any]) -> list[tuple[str, str, float, dict[str, str]]]:
    """As CloudWatch reads a line, by the specification of the format."""
    assert isinstance(line["_aws"]["Timestamp"], int)
    [directive] = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == NAMESPACE
    [names] = directive["Dimensions"]
    dimensions = {name: line[name] for name in names}
    assert all(isinstance(value, str) and value for value in dimensions.values())
    found = []
    for one in directive["Metrics"]:
        [value] = line[one["Name"]]
        found.append((one["Name"], one["Unit"], value, dimensions))
    return found


@pytest.fixture(params=["memory", "emf"])
def emissions(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Emissions:
    return Emissions(request.param, capsys)


def test_figures_have_a_unit_and_the_dimensions_of_their_work(emissions: Emissions) -> None:
    with working_on(service="replicator"):
        emissions.meter.emit({OBJECTS: 3, BYTES: 70}, by=Step.REPLICATE)
    with working_on(service="janitor"):
        emissions.meter.emit({DEAD_LETTERS: 1})
    by_step = {"namespace": "courses", "service": "replicator", "step": "replicate"}
    assert emissions.take() == [
        ("objects", "Count", 3, by_step),
        ("bytes", "Bytes", 70, by_step),
        ("dead_letters", "Count", 1, {"namespace": "courses", "service": "janitor"}),
    ]


@pytest.mark.parametrize("metric", METRICS, ids=lambda one: one.name)
def test_every_metric_can_be_emitted_as_it_is_described(
    emissions: Emissions, metric: Metric
) -> None:
    with working_on(service="planner"):
        emissions.meter.emit({metric: 0.5}, by=min(VALUES[metric.by]) if metric.by else None)
    [(name, unit, value, dimensions)] = emissions.take()
    assert (name, unit, value) == (metric.name, metric.unit, 0.5)
    assert set(dimensions) == set(metric.dimensions)


def test_a_value_that_a_dimension_does_not_have_is_another(emissions: Emissions) -> None:
    emissions.meter.emit({FAILURES: 1}, by=f"mongodb://reader:{SECRET}@db.example.org")
    [(_, _, _, dimensions)] = emissions.take()
    assert dimensions == {"namespace": "courses", "service": OTHER, "code": OTHER}


@pytest.mark.parametrize(
    ("metrics", "by"),
    [
        ((OBJECTS, DEAD_LETTERS), "verify"),
        ((OBJECTS,), None),
        ((DEAD_LETTERS,), "verify"),
        ((), None),
    ],
)
def test_metrics_of_other_dimensions_are_refused(
    emissions: Emissions, metrics: tuple[Metric, ...], by: str | None
) -> None:
    with pytest.raises(ValueError, match="no metrics of one set of dimensions"):
        emissions.meter.emit(dict.fromkeys(metrics, 1), by=by)
    assert emissions.take() == []


def test_threads_do_not_mix_their_figures(emissions: Emissions) -> None:
    def work(service: str, step: Step) -> None:
        for number in range(50):
            with working_on(service=service):
                emissions.meter.emit({SECONDS: number}, by=step)

    threads = [
        threading.Thread(target=work, args=of)
        for of in (("planner", Step.PLAN), ("verifier", Step.VERIFY))
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    emitted = emissions.take()
    assert len(emitted) == 100
    pairs = {(dimensions["service"], dimensions["step"]) for _, _, _, dimensions in emitted}
    assert pairs == {("planner", "plan"), ("verifier", "verify")}


def test_nothing_is_printed_on_a_machine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    meter = meter_of("courses")
    assert isinstance(meter, UnreadMeter)
    assert not meter.is_read
    meter.emit({COURSES: 1}, by="migrated")
    assert capsys.readouterr() == ("", "")


def test_a_function_of_lambda_prints_what_cloudwatch_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "courses-janitor")
    meter = meter_of("courses")
    assert isinstance(meter, EmfMeter)
    assert meter.is_read


def test_the_metrics_that_one_installation_can_have_are_few() -> None:
    each_service = sum(len(VALUES[one.by]) if one.by else 1 for one in METRICS)
    assert each_service * len((*SERVICES, "ingests_api")) < 1_200
    assert len({one.name for one in METRICS}) == len(METRICS)
    assert {one.unit for one in METRICS} == set(Unit)
    assert COMMON == ("namespace", "service")
