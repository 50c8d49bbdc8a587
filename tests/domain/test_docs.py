"""The documentation says what the code does: nothing is left out, nothing is named that is not."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from course_backfill.cli.app import PANELS
from course_backfill.failures import ADVICE
from course_backfill.messages import SERVICES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
RECORDS = sorted(path for path in (DOCS / "adr").glob("*.md") if path.name != "README.md")


@pytest.mark.parametrize("service", ["ingests_api", *SERVICES])
def test_a_service_is_described_as_its_handler_says(service: str) -> None:
    handler = ast.parse((ROOT / "services" / service / "handler.py").read_text())
    _, _, sentence = (ast.get_docstring(handler) or "").partition(": ")
    row = f"| `{service}` | {sentence.removesuffix('.')} |"
    assert row in (DOCS / "architecture.md").read_text()


@pytest.mark.parametrize("code", sorted(ADVICE))
def test_every_failure_has_its_place_in_the_guide(code: str) -> None:
    assert f"`{code}`" in (DOCS / "operations.md").read_text()


def test_no_failure_is_explained_in_two_places() -> None:
    rows = re.findall(r"^\| (`[^|]+) \|", (DOCS / "operations.md").read_text(), re.MULTILINE)
    explained = [code for row in rows for code in re.findall(r"`([a-z-]+)`", row)]
    codes = [code for code in explained if code in ADVICE]
    assert len(codes) > 30
    assert sorted(codes) == sorted(set(codes))


@pytest.mark.parametrize(
    "command", [command.__name__ for commands in PANELS.values() for command in commands]
)
def test_every_command_is_in_the_guide(command: str) -> None:
    assert f"`course-backfill {command.replace('_', '-')}" in (DOCS / "cli.md").read_text()


def test_every_decision_has_a_number_of_its_own_and_a_line_in_the_list() -> None:
    listed = (DOCS / "adr" / "README.md").read_text()
    assert re.findall(r"\]\((\d{4})", listed) == [path.name[:4] for path in RECORDS]
    assert len({path.name[:4] for path in RECORDS}) == len(RECORDS)
    for path in RECORDS:
        number, title = path.read_text().splitlines()[0].removeprefix("# ").split(". ", 1)
        assert int(path.name[:4]) == int(number)
        assert f"({path.name}) | {title} |".casefold() in listed.casefold()
