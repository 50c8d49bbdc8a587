"""What the functions do unasked: the janitor sweeps, the planner looks through the source."""

from __future__ import annotations

from math import ceil

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_

from infra.stage import Stage


def schedule_sweeps(scope: Stack, stage: Stage, janitor: lambda_.IFunction) -> None:
    """Due timers, and audits whose turn it is."""
    events.Rule(
        scope,
        "Sweeps",
        rule_name=f"{stage.settings.namespace}-sweeps",
        description="What is due is done",
        schedule=_every(stage.sweep_minutes),
        targets=[_once(janitor)],
    )


def schedule_discoveries(scope: Stack, stage: Stage, planner: lambda_.IFunction) -> None:
    """New courses, and how migrated ones stand to the source; the planner knows whether to."""
    events.Rule(
        scope,
        "Discoveries",
        rule_name=f"{stage.settings.namespace}-discoveries",
        description="The source is looked through",
        schedule=_every(max(1, ceil(stage.settings.discovery_interval_seconds / 60))),
        targets=[_once(planner)],
    )


def _every(minutes: int) -> events.Schedule:
    return events.Schedule.rate(Duration.minutes(minutes))


def _once(function: lambda_.IFunction) -> targets.LambdaFunction:
    """One time that is missed, or fails, is made up for by the next."""
    function.configure_async_invoke(retry_attempts=0)
    return targets.LambdaFunction(function, retry_attempts=0)
