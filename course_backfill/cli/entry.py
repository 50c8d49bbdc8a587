"""Where the `course-backfill` command begins: before all that it imports."""

from __future__ import annotations

import sys

INTERRUPTED = 130
"""Ctrl-C, as shells count it; outcomes.py is not imported yet."""


def main() -> None:
    """The console script; a Ctrl-C while it imports the rest ends it without a trace."""
    try:
        from course_backfill.cli.app import main as run_command

        run_command()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
