"""cdk-nag's rules of AwsSolutions: what is acknowledged was found, and says why it is right.

That nothing else was found is what all tests of templates stand on: synthesis fails otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aws_cdk
import pytest

from infra.app import build, flags
from tests.infra.templates import loaded

Rule = str
STAGE = "prod"


@pytest.fixture(scope="module")
def acknowledged() -> dict[Rule, set[str]]:
    """Rule → the reasons it is acknowledged with anywhere; filled by `findings`."""
    return {}


@pytest.fixture(scope="module")
def findings(
    tmp_path_factory: pytest.TempPathFactory, acknowledged: dict[Rule, set[str]]
) -> set[Rule]:
    """What is found where nothing is acknowledged."""

    def note(_: Any, *rules: aws_cdk.Acknowledgment) -> None:
        for rule in rules:
            acknowledged.setdefault(rule.id, set()).add(rule.reason or "")

    out, code = tmp_path_factory.mktemp("nag"), tmp_path_factory.mktemp("code")
    (code / "nothing.txt").write_text("")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aws_cdk.Validations, "acknowledge", note)
        app = aws_cdk.App(outdir=str(out), context=dict(flags()))
        build(app, loaded(STAGE), code=code)
        with pytest.raises(RuntimeError, match="ValidationFailed"):
            app.synth()
    return set(_rules(out / "validation-report.json"))


def _rules(report: Path) -> Iterator[Rule]:
    for plugin in json.loads(report.read_text())["pluginReports"]:
        for one in plugin["violations"]:
            yield f"{plugin['pluginName']}::{one['ruleName']}"


def test_everything_that_is_acknowledged_was_found(
    findings: set[Rule], acknowledged: dict[Rule, set[str]]
) -> None:
    assert set(acknowledged) - findings == set()
    assert findings - set(acknowledged) == set()


def test_each_acknowledgment_says_why(
    findings: set[Rule], acknowledged: dict[Rule, set[str]]
) -> None:
    assert findings
    for rule, reasons in acknowledged.items():
        for reason in reasons:
            assert len(reason.split()) >= 10, rule
            assert reason.endswith("."), rule
