"""The dashboard: what waits, how long, what fails, how long runs take, and what was moved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from course_backfill.metrics import METRICS, NAMESPACE, Metric
from infra.alarms import statistic_of
from infra.stage import Stage
from infra.worker import Worker


class Dashboard(cloudwatch.Dashboard):
    """Rows for the queues and the functions, then a graph for each of the product's metrics."""

    def __init__(
        self, scope: Construct, id: str, *, stage: Stage, workers: Sequence[Worker]
    ) -> None:
        super().__init__(
            scope,
            id,
            dashboard_name=stage.settings.namespace,
            default_interval=Duration.hours(12),
        )
        self.add_widgets(*_of_queues(workers))
        self.add_widgets(*_of_functions(workers))
        self.add_widgets(*(_of_metric(one, stage.settings.namespace) for one in METRICS))


def _of_queues(workers: Sequence[Worker]) -> Iterator[cloudwatch.IWidget]:
    yield _graph(
        "Messages waiting",
        [
            one.queue.metric_approximate_number_of_messages_visible(
                label=one.service, statistic="Maximum"
            )
            for one in workers
        ],
    )
    yield _graph(
        "Age of the oldest message, seconds",
        [one.queue.metric_approximate_age_of_oldest_message(label=one.service) for one in workers],
    )
    yield _graph(
        "Dead letters taken in",
        [one.dead_letters.metric_number_of_messages_received(label=one.service) for one in workers],
    )


def _of_functions(workers: Sequence[Worker]) -> Iterator[cloudwatch.IWidget]:
    yield _graph("Errors", [one.function.metric_errors(label=one.service) for one in workers])
    yield _graph("Throttled", [one.function.metric_throttles(label=one.service) for one in workers])
    yield _graph(
        "Longest runs, milliseconds",
        [one.function.metric_duration(label=one.service, statistic="p99") for one in workers],
    )


def _of_metric(metric: Metric, namespace: str) -> cloudwatch.IWidget:
    """A line for each service, and for each value of what else it tells apart."""
    shape = ",".join((NAMESPACE, *metric.dimensions))
    # In quotes, since Namespace= is a word of CloudWatch's own.
    wanted = f'{{{shape}}} MetricName="{metric.name}" "namespace"="{namespace}"'
    title = f"{metric.meaning[:1].upper()}{metric.meaning[1:]} ({metric.name})"
    lines = cloudwatch.MathExpression(
        expression=f"SEARCH('{wanted}', '{statistic_of(metric)}', 300)",
        label="",
        using_metrics={},
        period=Duration.minutes(5),
    )
    return _graph(title, [lines])


def _graph(title: str, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.IWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=8, height=6)
