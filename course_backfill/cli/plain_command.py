"""Commands that say what is wrong with an option as everything else here does."""

from __future__ import annotations

from typing import Any

import typer
from pydantic import ValidationError
from typer.core import TyperCommand

from course_backfill.cli.printing import printable
from course_backfill.settings_sources import expected


class PlainCommand(TyperCommand):
    """A command whose refusals of values are no words of the library that checks them."""

    # The type of contexts that it takes is one that typer keeps to itself.
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Raises BadParameter with what was expected, and what was given instead."""
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            if isinstance(error.__cause__, ValidationError):
                error.message = _told(error.__cause__)
            raise


def _told(error: ValidationError) -> str:
    wrong = error.errors()[0]
    given, said = f"'{printable(wrong['input'])}'", printable(expected(wrong))
    return said if given in said else f"{said}, not {given}"
