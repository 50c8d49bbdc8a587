"""Every command explains itself and is in the documentation, and the documentation has no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from course_backfill.cli.app import app, run
from course_backfill.settings import Settings, environment_name

DOCUMENTATION = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
GROUP = typer.main.get_group(app)
COMMANDS = dict(GROUP.commands)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_documented(name: str) -> None:
    assert f"`course-backfill {name}" in DOCUMENTATION


def test_no_other_command_is_documented() -> None:
    documented = set(re.findall(r"course-backfill ([a-z][a-z-]+)", DOCUMENTATION))

    assert documented <= set(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_and_every_option_has_help(name: str) -> None:
    command = COMMANDS[name]

    assert len(command.help or "") > 20
    assert not [one.name for one in command.params if not getattr(one, "help", None)]


@pytest.mark.parametrize("name", ["", *sorted(COMMANDS)])
def test_help_can_be_asked_for(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*([name] if name else []), "--help"]) == 0

    assert "Usage: course-backfill" in capsys.readouterr().out


def test_variables_that_help_names_exist() -> None:
    named = {
        variable
        for command in COMMANDS.values()
        for text in (command.help or "", *(getattr(one, "help", "") for one in command.params))
        for variable in re.findall(r"\b(?:COURSE_BACKFILL|MONGO|AWS)_[A-Z_]+", text)
    }
    settings = {environment_name(field) for field in Settings.model_fields}

    assert named - settings <= {"COURSE_BACKFILL_CONFIG"}
    assert named & settings
