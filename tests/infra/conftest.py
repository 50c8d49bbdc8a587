"""What tests of the deployment share: the templates of every stage, synthesised once in a run."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

import infra  # noqa: F401 - before any test imports aws_cdk: it chooses the Node that the CDK runs on.
from tests.infra.templates import Templates, synthesise


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """Stage → stack → template; findings of cdk-nag fail whoever asks for it."""
    own = tmp_path_factory.getbasetemp()
    # Processes that run beside each other take the work of the first, which takes ten seconds.
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    return _once(shared / "templates.json")


def _once(file: Path) -> Templates:
    with FileLock(f"{file}.lock"):
        if not file.exists():
            file.write_text(json.dumps(synthesise(file.parent)))
    found: dict[str, Any] = json.loads(file.read_text())
    return found
