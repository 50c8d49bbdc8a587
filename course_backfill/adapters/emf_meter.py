"""Metrics as lines in the log of a function, in CloudWatch's embedded metric format."""

from __future__ import annotations

import os
from collections.abc import Mapping

from aws_lambda_powertools.metrics import EphemeralMetrics

from course_backfill.metrics import NAMESPACE, Metric, dimensions_of
from course_backfill.ports import Meter


class EmfMeter:
    """Prints to standard output, of which CloudWatch makes metrics where it is a function's."""

    is_read = True

    def __init__(self, namespace: str) -> None:
        """`namespace` is the installation's."""
        self._namespace = namespace

    def emit(self, figures: Mapping[Metric, float], *, by: str | None = None) -> None:
        """Prints one line."""
        dimensions = dimensions_of(figures, namespace=self._namespace, by=by)
        metrics = EphemeralMetrics(namespace=NAMESPACE, service=dimensions["service"])
        for name, value in dimensions.items():
            metrics.add_dimension(name, value)
        for metric, figure in figures.items():
            metrics.add_metric(metric.name, metric.unit, figure)
        metrics.flush_metrics()


class UnreadMeter:
    """Emits nothing: a machine's log lines and the reports tell as much."""

    is_read = False

    def emit(self, figures: Mapping[Metric, float], *, by: str | None = None) -> None:
        """Emits nothing."""


def meter_of(namespace: str) -> Meter:
    """EMF in a function of AWS Lambda, nothing on a machine."""
    is_lambda = "AWS_LAMBDA_FUNCTION_NAME" in os.environ
    return EmfMeter(namespace) if is_lambda else UnreadMeter()
