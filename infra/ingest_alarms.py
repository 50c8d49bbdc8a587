"""Alarms on ingests: many that fail, those that stand still, dead letters nobody sent again.

And one on the janitor, who counts the last two: where it is silent, so are they.
"""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from course_backfill.ingests import IngestStatus
from course_backfill.messages import SERVICES
from course_backfill.metrics import DEAD_LETTERS_OPEN, INGESTS, STALLED_INGESTS
from infra.alarms import Alarms, own_metric
from infra.stage import Stage
from infra.worker import Worker

FAILED_AN_HOUR = 10
"""Of a migration of thousands a few fail for reasons of their own; more have one in common."""
SILENT_MINUTES = 15
"""Three times the longest that is between two sweeps."""


def watch_ingests(janitor: Worker, stage: Stage, alarms: Alarms) -> None:
    """The figures but the first are emitted by the janitor's schedule, every few minutes."""
    namespace = stage.settings.namespace
    alarms.watch(
        janitor,
        "failed-ingests",
        _failed(namespace),
        of="ingests",
        says=f"More than {FAILED_AN_HOUR} ingests failed within an hour.",
        above=FAILED_AN_HOUR,
    )
    alarms.watch(
        janitor,
        "stalled-ingests",
        own_metric(STALLED_INGESTS, namespace, janitor.service),
        of="ingests",
        says="Ingests stand still.",
        periods=3,
    )
    alarms.watch(
        janitor,
        "open-dead-letters",
        own_metric(DEAD_LETTERS_OPEN, namespace, janitor.service),
        of="ingests",
        says="Messages were given up, and not sent again yet.",
    )


def watch_janitor(janitor: Worker, stage: Stage, alarms: Alarms) -> None:
    """By what only its schedule emits: messages have the function run, too."""
    figure = own_metric(STALLED_INGESTS, stage.settings.namespace, janitor.service)
    alarms.watch_beat(
        janitor,
        "silent-janitor",
        figure.with_(period=Duration.minutes(SILENT_MINUTES)),
        of=janitor.service,
        says=f"The janitor has not swept for {SILENT_MINUTES} minutes.",
    )


def _failed(namespace: str) -> cloudwatch.MathExpression:
    """Of all workers: each emits its own, and an alarm cannot search for them."""
    hour = Duration.hours(1)
    by_service: dict[str, cloudwatch.IMetric] = {
        one: own_metric(INGESTS, namespace, one, by=IngestStatus.FAILED).with_(period=hour)
        for one in SERVICES
    }
    return cloudwatch.MathExpression(
        # One that failed none has no figure, not the figure 0.
        expression="SUM(FILL(METRICS(), 0))",
        using_metrics=by_service,
        label="Failed ingests",
        period=hour,
    )
