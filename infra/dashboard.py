"""The dashboard: what waits, how long, what fails, how long runs take, and what was moved."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.stage import Stage
from infra.worker import Worker

METRICS = "CourseBackfill"
"""The namespace of the product's own metrics; with the dimensions `namespace` and `service`."""


class Dashboard(cloudwatch.Dashboard):
    """One row for the queues, one for the functions, one for the work itself."""

    def __init__(
        self, scope: Construct, id: str, *, stage: Stage, workers: Sequence[Worker]
    ) -> None:
        super().__init__(
            scope,
            id,
            dashboard_name=stage.settings.namespace,
            default_interval=Duration.hours(12),
        )
        self._stage = stage
        self._workers = workers
        self.add_widgets(*self._queues())
        self.add_widgets(*self._functions())
        self.add_widgets(*self._work())

    def _queues(self) -> list[cloudwatch.IWidget]:
        return [
            _graph(
                "Messages waiting",
                [
                    _named(
                        one,
                        one.queue.metric_approximate_number_of_messages_visible(
                            statistic="Maximum"
                        ),
                    )
                    for one in self._workers
                ],
            ),
            _graph(
                "Age of the oldest message (seconds)",
                [
                    _named(one, one.queue.metric_approximate_age_of_oldest_message())
                    for one in self._workers
                ],
            ),
            _graph(
                "Dead letters taken in",
                [
                    _named(one, one.dead_letters.metric_number_of_messages_received())
                    for one in self._workers
                ],
            ),
        ]

    def _functions(self) -> list[cloudwatch.IWidget]:
        functions = [(one, one.function) for one in self._workers]
        return [
            _graph("Errors", [_named(one, it.metric_errors()) for one, it in functions]),
            _graph("Throttled", [_named(one, it.metric_throttles()) for one, it in functions]),
            _graph(
                "Duration, 99th percentile (ms)",
                [_named(one, it.metric_duration(statistic="p99")) for one, it in functions],
            ),
        ]

    def _work(self) -> list[cloudwatch.IWidget]:
        return [
            _graph("Objects", [self._metric("objects")]),
            _graph("Bytes", [self._metric("bytes")]),
            _graph("Seconds of a step", [self._metric("seconds", "p99")]),
            _graph("Failures", [self._metric("failures")]),
        ]

    def _metric(self, name: str, statistic: str = "Sum") -> cloudwatch.IMetric:
        """By service, and by what else the metric tells apart, such as its step."""
        namespace = self._stage.settings.namespace
        search = f'Namespace="{METRICS}" MetricName="{name}" namespace="{namespace}"'
        return cloudwatch.MathExpression(
            expression=f"SEARCH('{search}', '{statistic}', 300)",
            label="",
            using_metrics={},
            period=Duration.minutes(5),
        )


def _named(worker: Worker, metric: cloudwatch.Metric) -> cloudwatch.IMetric:
    return metric.with_(label=worker.service)


def _graph(title: str, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.IWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=8, height=6)
