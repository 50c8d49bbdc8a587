"""The demo as its user runs it: a fresh folder, one command, nothing left."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psutil
import pytest

from tests.features.served import COMMAND, clean_environment

HOSTILE = {
    "MONGO_URI": "mongodb://production.example.org",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_PROFILE": "production",
    "COURSE_BACKFILL_NAMESPACE": "production",
}
"""A shell that is set up for something else, which the demo must leave alone."""


@pytest.mark.timeout(300)
def test_the_demo_ends_as_it_must_and_leaves_nothing_behind(tmp_path: Path) -> None:
    process = subprocess.Popen(  # noqa: S603  # Our own command.
        [COMMAND, "demo"],
        cwd=tmp_path,
        env=clean_environment(**HOSTILE),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    said, _ = process.communicate(timeout=280)

    assert process.returncode == 0, said
    assert "kill -9" in said
    assert "which took the packet over" in said
    assert "assets/broken.bin: digest-mismatch" in said
    assert "course-backfill failures course-v1:Sample+Damaged+2026" in said
    assert said.count("migrated as v1") == 9
    assert "0 objects moved" in said
    assert said.count("brought to second") == 9
    assert "course-backfill warm course-v1:Sample+Names+2026 has it restored" in said
    assert "10 objects (3.3 kB) can be read until" in said
    assert "1 damaged in second" in said
    assert "what an audit found: 1 object" in said
    assert said.count("9 courses, 199 objects") == len(("primary", "second"))
    assert list((tmp_path / ".local").iterdir()) == []
    assert not [one for one in psutil.process_iter(["cwd"]) if one.info["cwd"] == str(tmp_path)]
