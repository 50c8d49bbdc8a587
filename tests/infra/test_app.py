"""The app: which stages it builds, and what it says where there is none of that name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.app import ROOT, find_stages, main
from infra.stage import stages


def test_stages_are_found_by_name_and_all_without() -> None:
    names = list(stages())
    assert [stage.name for stage in find_stages([])] == names
    assert [stage.name for stage in find_stages(names[-1:])] == names[-1:]


def test_stages_that_are_not_there_are_named_all_at_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["nowhere", *stages(), "nobodys"]) == 2
    told = capsys.readouterr().err
    assert f"nowhere: no such stage; there are {', '.join(stages())}" in told
    assert "nobodys: no such stage" in told
    assert "Traceback" not in told


def test_the_cdk_has_to_say_which_stage(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CDK_OUTDIR", str(tmp_path))
    assert main([]) == 2
    assert "-c stage: is not set; there are" in capsys.readouterr().err


def test_the_command_of_the_cdk_runs_this_app() -> None:
    assert json.loads((ROOT / "cdk.json").read_text())["app"].endswith("python -m infra.app")
