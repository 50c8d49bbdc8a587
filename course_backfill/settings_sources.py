"""Where settings come from: the file, the environment and options, each value with its name."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, TomlConfigSettingsSource

from course_backfill.errors import InvalidInput, Problem

CONFIG_VARIABLE = "COURSE_BACKFILL_CONFIG"
DEFAULT_FILE = "course-backfill.toml"
PREFIX = "COURSE_BACKFILL_"

_NOT_SETTINGS = {
    CONFIG_VARIABLE,
    "COURSE_BACKFILL_CLIENT_ID",
    "COURSE_BACKFILL_CLIENT_SECRET",
    "COURSE_BACKFILL_DATA_DIR",
    "COURSE_BACKFILL_MONGOD",
    "COURSE_BACKFILL_TEST_DATA",
}
"""Variables that other parts read: the commands, the bundled MongoDB and the tests."""

_OPTIONS = {"api_token": "--token", "api_url": "--url"}
"""Options that are called otherwise than their settings."""


@dataclass(frozen=True, slots=True)
class SettingsSources:
    """All values that were given, the strongest of each, and the name each was typed by."""

    values: dict[str, Any]
    names: dict[str, str]
    unknown: tuple[Problem, ...]

    @classmethod
    def read(cls, settings: type[BaseSettings], overrides: Mapping[str, Any]) -> Self:
        """Reads the file and the environment; raises InvalidInput for a file that is not TOML."""
        path = _config_path()
        in_file = _read_file(settings, path) if path else {}
        in_environment = EnvSettingsSource(settings)()
        known = set(settings.model_fields)
        variables = {field: variable(settings, field) for field in known}
        names = {field: f"{path}: {field}" for field in in_file}
        names |= {field: variables[field] for field in in_environment}
        names |= {field: _OPTIONS.get(field, f"--{field.replace('_', '-')}") for field in overrides}
        ours = (name.upper() for name in os.environ if name.upper().startswith(PREFIX))
        wrong_variables = set(ours) - set(variables.values()) - _NOT_SETTINGS
        return cls(
            values={
                **{field: value for field, value in in_file.items() if field in known},
                **in_environment,
                **overrides,
            },
            names=names,
            unknown=(
                *unknown_names(set(in_file) - known, known, where=f"{path}: "),
                *unknown_names(wrong_variables, variables.values(), where=""),
            ),
        )

    def problems(self, error: ValidationError) -> list[Problem]:
        """What pydantic found, by the names the user typed and without the values."""
        # A default that follows from a wrong setting is not one more thing that is wrong.
        found = [one for one in error.errors() if one["type"] != "default_factory_not_called"]
        return [Problem(self._place(one["loc"]), expected(one)) for one in found]

    def _place(self, path: tuple[int | str, ...]) -> str:
        name = self.names.get(str(path[0]), str(path[0]))
        inside = (f"item {part + 1}" if isinstance(part, int) else part for part in path[1:])
        return " ".join((name, *inside))


def variable(settings: type[BaseSettings], field: str) -> str:
    """The environment variable of a setting: prefixed, but where others use the name too."""
    is_ours = settings.model_fields[field].validation_alias is None
    return f"{PREFIX}{field.upper()}" if is_ours else field.upper()


def _config_path() -> Path | None:
    named = os.environ.get(CONFIG_VARIABLE)
    if named and not Path(named).is_file():
        raise InvalidInput(Problem(CONFIG_VARIABLE, "expected the path of a file that is there"))
    path = Path(named or DEFAULT_FILE)
    return path if path.is_file() else None


def _read_file(settings: type[BaseSettings], path: Path) -> dict[str, Any]:
    try:
        return TomlConfigSettingsSource(settings, toml_file=path)()
    except UnicodeDecodeError:
        raise InvalidInput(Problem(str(path), "expected a TOML file, which is UTF-8")) from None
    except tomllib.TOMLDecodeError as error:
        # The decoder may quote the line, and with it a secret: only the place is told.
        place = re.search(r"\(at (line \d+, column \d+|end of document)\)$", str(error))
        at = f"; it breaks at {place[1]}" if place else ""
        raise InvalidInput(Problem(str(path), f"expected a TOML file{at}")) from None
    except OSError as error:
        raise InvalidInput(Problem(str(path), f"cannot be read: {error.strerror}")) from None


def unknown_names(names: set[str], known: Iterable[str], *, where: str) -> list[Problem]:
    """A problem for each name that is none of the known, with the one that it is most like."""
    # What all names begin with would make any two of them alike.
    by_own_part = {name.removeprefix(PREFIX): name for name in known}
    problems = []
    for name in sorted(names):
        close = difflib.get_close_matches(name.removeprefix(PREFIX), by_own_part, n=1, cutoff=0.7)
        hint = f"; did you mean {by_own_part[close[0]]}?" if close else ""
        problems.append(Problem(f"{where}{name}", f"no such setting{hint}"))
    return problems


_EXPECTED = {
    "int_parsing": "expected a whole number",
    "int_type": "expected a whole number",
    "float_parsing": "expected a number",
    "int_from_float": "expected a whole number",
    "greater_than_equal": "expected {ge} or more",
    "less_than_equal": "expected {le} or less",
    "string_type": "expected text",
    "string_too_short": "expected at least {min_length} characters",
    "too_short": "expected at least {min_length} characters or items",
    "extra_forbidden": "no such setting",
    "missing": "is not set",
}


def expected(error: ErrorDetails) -> str:
    """What pydantic expected, as a sentence without the value that was given."""
    if error["type"] in _EXPECTED:
        return _EXPECTED[error["type"]].format(**error.get("ctx", {}))
    text = error["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    return text[:1].lower() + text[1:]
