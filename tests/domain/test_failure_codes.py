"""Failures: every code that the product can give has advice."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given

from course_backfill.audits import AUDIT_ADVICE
from course_backfill.failures import ADVICE, Failure
from course_backfill.inventory import Fault, SourceObject
from course_backfill.results import DESTINATION_FAULTS
from tests.generators import create_failure
from tests.strategies import source_objects

ROOT = Path(__file__).parents[2]
TAKE_A_CODE_FIRST = {"Fault", "of_ingest", "warning", "_failure", "_failed"}


def given_codes() -> Iterator[str]:
    """Every literal that stands where a code does."""
    for folder in ("course_backfill", "services"):
        for module in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(module.read_text())):
                yield from _given_by(node)


def _given_by(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr="of_ingest" as name), args=args):
            if name in TAKE_A_CODE_FIRST and args:
                yield from _texts(args[0])
        case ast.Assign(targets=[ast.Name(id="code")], value=value):
            yield from _texts(value)
        case _:
            return


def _texts(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=orelse):
            yield from _texts(body)
            yield from _texts(orelse)
        case _:
            return


def test_every_code_that_is_given_has_advice() -> None:
    codes = set(given_codes())
    assert len(codes) > 15
    assert codes - ADVICE.keys() == set()


def test_no_advice_is_for_a_code_that_nobody_gives() -> None:
    modules = [*(ROOT / "course_backfill").rglob("*.py"), *(ROOT / "services").rglob("*.py")]
    text = "".join(one.read_text() for one in modules if one.name != "failures.py")
    assert [code for code in ADVICE if f'"{code}"' not in text] == []


def test_faults_of_copies_have_advice() -> None:
    assert DESTINATION_FAULTS.issubset(ADVICE)


@pytest.mark.parametrize("advice", [*ADVICE.values(), *AUDIT_ADVICE.values()])
def test_advice_is_a_sentence(advice: str) -> None:
    assert advice.endswith(".")
    assert advice[0].isupper()


def test_findings_of_audits_have_codes_that_other_failures_have_too() -> None:
    assert AUDIT_ADVICE.keys() < ADVICE.keys()


@given(source_objects(faults=False))
def test_a_failure_survives_the_round_trip_through_its_line(found: SourceObject) -> None:
    failure = Failure.of_object(found, Fault("missing-chunk", "chunk 1"), stage="planning")
    again = Failure.from_line(failure.to_line())
    assert again == failure
    if isinstance(found.source_id, dict):
        assert list(again.source_id) == list(found.source_id)


def test_the_failure_of_an_ingest_names_no_object() -> None:
    failure = create_failure("gave-up-waiting", detail="MongoDB does not answer")
    assert (failure.path, failure.source_id) == (None, None)
    assert failure.action == ADVICE["gave-up-waiting"]
