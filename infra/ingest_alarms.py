"""Alarms on what the janitor counts: ingests that stand still, dead letters nobody sent again."""

from __future__ import annotations

from course_backfill.metrics import DEAD_LETTERS_OPEN, STALLED_INGESTS
from infra.alarms import Alarms, own_metric
from infra.stage import Stage
from infra.worker import Worker


def watch_ingests(janitor: Worker, stage: Stage, alarms: Alarms) -> None:
    """The figures are emitted by the janitor's schedule, every few minutes."""
    namespace = stage.settings.namespace
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
