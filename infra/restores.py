"""S3's word that a restore is done, on its way to the warmer: a hint to look sooner.

A location whose bucket is its owner's sends none, unless the owner has it sent to the event bus
`default` of the stage's region; the warmer looks at its own times anyway.
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_

from infra.stage import Stage

COMPLETED = "Object Restore Completed"


def hear_restores(
    scope: Stack, stage: Stage, buckets: Sequence[str], warmer: lambda_.IFunction
) -> None:
    """Has the warmer told of restores in these buckets, wherever they are."""
    events.Rule(
        scope,
        "RestoresDone",
        rule_name=f"{stage.settings.namespace}-restores",
        description="A restored object: the warmer looks sooner",
        event_pattern=_of(buckets),
        targets=[targets.LambdaFunction(warmer, retry_attempts=2)],
    )


def forward_restores(scope: Stack, stage: Stage, buckets: Sequence[str]) -> None:
    """Sends what is told in another region to the stage's own."""
    home = events.EventBus.from_event_bus_arn(
        scope,
        "Home",
        scope.format_arn(
            service="events",
            region=stage.region,
            resource="event-bus",
            resource_name="default",
        ),
    )
    events.Rule(
        scope,
        "RestoresDone",
        rule_name=f"{stage.settings.namespace}-restores",
        description=f"A restored object: told in {stage.region}",
        event_pattern=_of(buckets),
        targets=[targets.EventBus(home)],
    )


def _of(buckets: Sequence[str]) -> events.EventPattern:
    return events.EventPattern(
        source=["aws.s3"],
        detail_type=[COMPLETED],
        detail={"bucket": {"name": list(buckets)}},
    )
