"""What a function loads before it is asked anything: no library that only others use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from course_backfill.messages import SERVICES

ROOT = Path(__file__).parents[2]
HEAVY = ("pymongo", "httpx", "moto", "rich", "typer", "uvicorn", "aws_cdk")
NEEDED = {"notifier": {"httpx", "rich"}}  # httpx takes rich for its command, where it is installed.


@pytest.mark.parametrize("service", [*SERVICES, "ingests_api"])
def test_a_handler_starts_without_the_libraries_of_others(service: str) -> None:
    code = f"import sys, services.{service}.handler; print(*sys.modules)"
    loaded = subprocess.run(  # noqa: S603 - This very interpreter.
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found = set(loaded.stdout.split()) & set(HEAVY)
    assert found == NEEDED.get(service, set())
