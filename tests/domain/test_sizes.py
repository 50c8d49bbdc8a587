"""Modules and functions stay small enough to be read at once, and excuse nothing silently."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("course_backfill", "services", "infra", "benchmarks")
LONGEST_MODULE = 300
LONGEST_FUNCTION = 60
BARE_EXCUSE = re.compile(r"# (type: ignore|noqa)(\[[\w, -]+\]|: [A-Z]+\d+(, [A-Z]+\d+)*)?\s*$")
FORBIDDEN_NAMES = {"utils", "helpers", "common", "misc", "manager"}


def modules(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def lines_of(module: Path) -> int:
    return len(module.read_text().splitlines())


def named(module: Path) -> str:
    return str(module.relative_to(ROOT))


@pytest.mark.parametrize("folder", [*FOLDERS, "tests"])
def test_no_module_is_longer_than_can_be_read(folder: str) -> None:
    long = {named(one): lines_of(one) for one in modules(folder) if lines_of(one) > LONGEST_MODULE}
    assert long == {}


@pytest.mark.parametrize("folder", [*FOLDERS, "tests"])
def test_no_function_is_longer_than_a_screen(folder: str) -> None:
    long = {
        f"{named(module)}:{node.name}": node.end_lineno - node.lineno + 1
        for module in modules(folder)
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION
    }
    assert long == {}


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        named(module)
        for module in modules(*FOLDERS, "tests")
        if lines_of(module) and not ast.get_docstring(ast.parse(module.read_text()))
    ]
    assert silent == []


def test_whatever_is_excused_has_its_reason_beside_it() -> None:
    bare = [
        f"{named(module)}:{number}"
        for module in modules(*FOLDERS, "tests")
        for number, line in enumerate(module.read_text().splitlines(), start=1)
        if BARE_EXCUSE.search(line)
    ]
    assert bare == []


def test_modules_are_named_by_what_they_hold() -> None:
    vague = [named(one) for one in modules(*FOLDERS, "tests") if one.stem in FORBIDDEN_NAMES]
    assert vague == []
