"""The documentation of metrics and log lines says what the code emits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from course_backfill.courses import CourseStatus
from course_backfill.ingests import IngestStatus
from course_backfill.metrics import METRICS, NAMESPACE, VALUES, Metric
from services.janitor.gauges import COURSES_EVERY, EVERY, LOOKED_AT, QUIET

DOCUMENT = Path(__file__).parents[2] / "docs" / "operations.md"


def row(metric: Metric) -> str:
    """The metric's row of the table."""
    by = f"`{metric.by}`" if metric.by else ""
    services = ", ".join(f"`{one}`" for one in metric.services) or "any"
    cells = (f"`{metric.name}`", metric.unit.value, by, services, metric.meaning)
    return f"| {' | '.join(cells)} |"


@pytest.fixture(scope="module")
def section() -> str:
    found = re.search(r"^## Logs and metrics$(.*?)^## ", DOCUMENT.read_text(), re.DOTALL | re.M)
    assert found
    return found[1]


def test_the_table_has_every_metric_and_no_other(section: str) -> None:
    _, table = section.split("| metric | unit |")
    rows = [one for one in table.splitlines() if one.startswith("| `")]
    assert rows == [row(one) for one in METRICS]


def test_the_words_around_it_are_those_of_the_code(section: str) -> None:
    assert f"namespace `{NAMESPACE}`" in section
    assert [one.is_gauge for one in METRICS[-4:]] == [True] * 4
    assert not any(one.is_gauge for one in METRICS[:-4])
    minutes = [int(one.total_seconds() // 60) for one in (EVERY, COURSES_EVERY)]
    assert f"at most every {minutes[0]} minutes, courses every {minutes[1]}" in section
    assert f"at most {QUIET} of these" in section
    assert f"the newest {LOOKED_AT:,} are looked at" in section


def test_the_meanings_name_the_statuses_that_there_are() -> None:
    told = " ".join(one.meaning for one in METRICS if one.by == "status")
    assert {IngestStatus.ACCEPTED, IngestStatus.SUCCEEDED, *CourseStatus} <= VALUES["status"]
    for one in (*CourseStatus, *(status for status in IngestStatus if status.is_end)):
        assert one.value in told
