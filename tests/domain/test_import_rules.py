"""The direction of imports, as the configuration of the import linter has it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_import_goes_the_way_it_should() -> None:
    # In a process of its own, because the linter configures the logging of its process.
    linted = subprocess.run(  # noqa: S603 - The linter of this very environment.
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert ", 0 broken." in linted.stdout
