"""The reference of all settings, made from their fields: a table for the docs, a file to edit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from course_backfill.locations import Location
from course_backfill.settings import Settings, environment_name

LONGEST_CELL = 100
"""A longer default is shown in the file alone."""


@dataclass(frozen=True, slots=True)
class SettingReference:
    """One setting: its key in the file, its environment variable, its default and its purpose.

    An empty default means: not set. `example` is what it might be, as JSON.
    """

    key: str
    variable: str
    default: str
    example: str
    description: str


def settings_reference() -> list[SettingReference]:
    """Every setting, in the order of the fields."""
    settings = Settings()
    defaults = settings.model_dump(mode="json", by_alias=True)
    defaults["locations"] = [{"id": one.id, "bucket": one.bucket} for one in settings.locations]
    return [
        SettingReference(
            key=name,
            variable=environment_name(name),
            default="" if defaults[name] is None else json.dumps(defaults[name]),
            example=json.dumps((field.examples or [""])[0]),
            description=field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]


def markdown_table() -> str:
    """The settings as a table for the documentation."""
    rows = ["| key in the file | environment | default | what it is for |", "| --- " * 4 + "|"]
    rows += [
        f"| `{one.key}` | `{one.variable}` | {_cell(one.default)} | {one.description} |"
        for one in settings_reference()
    ]
    return "\n".join(rows) + "\n"


def location_table() -> str:
    """The fields of a location as a table for the documentation."""
    rows = ["| field | default | what it is for |", "| --- " * 3 + "|"]
    for field in Location.model_fields.values():
        default = "" if field.is_required() or field.default is None else json.dumps(field.default)
        rows.append(
            f"| `{field.alias}` | {f'`{default}`' if default else '–'} | {field.description} |"
        )
    return "\n".join(rows) + "\n"


def toml_example() -> str:
    """A file in which every setting is explained and commented out at its default, or at an example
    of what it might be."""
    return "\n".join(_toml_lines())


def _toml_lines() -> Iterator[str]:
    yield "# Settings of course-backfill. The environment wins over this file."
    for one in settings_reference():
        yield ""
        yield f"# {one.description}  [{one.variable}]"
        yield f"# {one.key} = {_toml_value(one)}"


def _cell(default: str) -> str:
    if len(default) > LONGEST_CELL:
        return "see below"
    return f"`{default}`" if default else "–"


def _toml_value(one: SettingReference) -> str:
    return _inline(json.loads(one.default or one.example))


def _inline(value: Any) -> str:
    """A JSON value as TOML writes it in one line."""
    match value:
        case dict():
            return "{ " + ", ".join(f"{key} = {_inline(one)}" for key, one in value.items()) + " }"
        case list():
            return "[" + ", ".join(map(_inline, value)) + "]"
        case _:
            return json.dumps(value)
