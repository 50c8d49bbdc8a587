"""Metering: figures for who watches the installation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from course_backfill.metrics import Metric


class Meter(Protocol):
    """Takes figures; the service that they are of is a field of the present work."""

    @property
    def is_read(self) -> bool:
        """Whether anybody gets to see them: what costs requests need not be counted otherwise."""
        ...

    def emit(self, figures: Mapping[Metric, float], *, by: str | None = None) -> None:
        """Emits metrics of one set of dimensions; `by` is the value of the one they have beside
        the common ones. A value that the dimension does not have counts as `other`.

        Raises ValueError where a metric has other dimensions.
        """
        ...
