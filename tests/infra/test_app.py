"""The app: which stages it builds, and what it says where there is none of that name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_sns as sns

import infra.app
from course_backfill.errors import InvalidInput
from infra.app import ROOT, find_stages, main
from infra.stage import Stage, stages

STAGE = """
account = "{account}"
region = "{region}"
clients = [{{ name = "operator", scopes = ["ingests:read"] }}]
[settings]
namespace = "{namespace}"
mongo_uri_secret_name = "edx/mongodb"
"""
PLACE = {"account": "111111111111", "region": "eu-west-1", "namespace": "backfill"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of stages: `one` and `two`, which share nothing."""
    monkeypatch.setattr(infra.app, "FOLDER", tmp_path)
    write(tmp_path, "one")
    write(tmp_path, "two", namespace="backfill-two")
    return tmp_path


def write(folder: Path, stage: str, **changes: str) -> None:
    (folder / f"{stage}.toml").write_text(STAGE.format(**PLACE | changes))


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


def test_two_stages_in_one_place_are_refused_whichever_is_asked_for(folder: Path) -> None:
    write(folder, "three")
    for names in ([], ["one"], ["three", "two"]):
        with pytest.raises(InvalidInput, match=r"one\.toml and three\.toml") as refused:
            find_stages(names)
        assert len(refused.value.problems) == 1
    assert [stage.name for stage in find_stages(["two"])] == ["two"]


@pytest.mark.parametrize("other", [{"account": "222222222222"}, {"region": "eu-west-2"}])
def test_a_namespace_serves_again_in_another_account_or_region(
    folder: Path, other: dict[str, str]
) -> None:
    write(folder, "three", **other)
    assert len(find_stages([])) == 3


def test_mistakes_of_all_stages_asked_for_are_told_each_on_a_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, "three", account="12", region="eu-wst-1")
    write(folder, "four", account="13", namespace="backfill-four")
    assert main([]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [": ".join(line.split(": ")[:2]) for line in lines] == [
        "four.toml: account",
        "three.toml: account",
        "three.toml: region",
    ]
    assert [stage.name for stage in find_stages(["one"])] == ["one"]


def test_stacks_that_a_stage_no_longer_has_are_gone(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "cdk.out"
    for stage in ("one", "two"):
        (out / stage).mkdir(parents=True)
        (out / stage / "gone.template.json").write_text('{"Resources": {}}')

    def build(app: App, stage: Stage, *, code: Path) -> None:
        sns.Topic(Stack(app, f"{stage.name}-{code.name}"), "Topic")

    # What is built, and of what, is not what is looked at here.
    monkeypatch.setattr(infra.app, "build", build)
    monkeypatch.setattr(infra.app, "package", lambda: folder / "code")
    monkeypatch.setattr(infra.app, "OUT", out)
    assert main(["one"]) == 0
    assert [file.name for file in (out / "one").glob("*.template.json")] == [
        "one-code.template.json"
    ]
    assert "gone" not in capsys.readouterr().out
    assert (out / "two" / "gone.template.json").exists()
