"""The meter in memory: what was emitted is there to be looked into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from course_backfill.metrics import Metric, dimensions_of


@dataclass(frozen=True, slots=True)
class Emitted:
    """One figure as it was emitted."""

    metric: Metric
    value: float
    dimensions: dict[str, str]


@dataclass(slots=True)
class MemoryMeter:
    """Keeps every figure."""

    namespace: str
    is_read: bool = True
    emitted: list[Emitted] = field(default_factory=list)

    def emit(self, figures: Mapping[Metric, float], *, by: str | None = None) -> None:
        """Keeps them."""
        dimensions = dimensions_of(figures, namespace=self.namespace, by=by)
        self.emitted += [Emitted(one, value, dimensions) for one, value in figures.items()]

    def values(self, metric: Metric, by: str | None = None) -> list[float]:
        """What was emitted of a metric, in order, or of one value of its dimension."""
        return [
            one.value
            for one in self.emitted
            if one.metric is metric and by in {None, one.dimensions.get(metric.by or "")}
        ]
