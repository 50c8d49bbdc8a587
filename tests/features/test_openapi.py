"""The served API held against its own description, by requests of every shape that follows."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from course_backfill.courses import CourseId
from course_backfill.local.api_server import ApiServer
from course_backfill.local.api_tokens import ApiTokens
from course_backfill.messages import Step, StepMessage
from services.ingests_api.auth import PUBLIC, SCOPES
from services.ingests_api.handler import build_api
from tests.features.installation import COURSE, Installation

TOKEN = "for-everything-of-this-test"
SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
EXAMPLES = 8
"""Of each operation, besides the several hundred that its description gives rise to."""
SECONDS = 150

HOSTILE = (
    *("\0", "\u202e", "\r\nX-Injected: 1", "\uffff", "💥", "%00", "%2e%2e%2f", "../../etc/passwd"),
    *("a/b/c/d", "Org/Course/Run/More", "'; DROP TABLE courses;--", "=1+1", "${jndi:ldap://x}"),
    *("NaN", "1e999", "null", '{"$gt": ""}', "https://127.0.0.1/", "v0", "v999999999", "x" * 4_000),
)
"""Texts that some program somewhere has stumbled over."""


@pytest.fixture
def served(installation: Installation) -> Iterator[tuple[str, dict[str, str]]]:
    """A server on an installation with something of everything; and what is there, by parameter."""
    installation.save(COURSE, "a.txt", b"alpha")
    installation.save(COURSE, "été b.txt", b"beta", fields={"locked": True})
    old = CourseId.parse("Old/Course/Run")
    installation.wiring.courses.add(old)
    done = installation.start()
    worker = installation.work()
    installation.ended(done)
    worker.kill()
    waiting = installation.start(old)
    installation.wiring.dead_letters.bury(
        "m-1",
        service="planner",
        message=StepMessage(ingest=waiting, epoch=1, step=Step.PLAN),
        receives=3,
    )
    tokens = ApiTokens(all_powerful=TOKEN)
    with ApiServer(build_api(installation.wiring), tokens=tokens) as server:
        yield server.url, {"ingest": done, "waiting": waiting, "old": str(old)}


def test_whatever_is_asked_the_answer_is_one_that_is_described(
    served: tuple[str, dict[str, str]], tmp_path: Path
) -> None:
    """No 5xx, no status, header or document that is not described, no fault taken for a request."""
    url, there = served
    config = tmp_path / "schemathesis.toml"
    config.write_text(configuration(there))

    report = tmp_path / "report.json"
    done = subprocess.run(  # noqa: S603  # A tool of the tests, on a server of this test.
        [
            *(SCHEMATHESIS, "--config-file", config, "run", f"{url}/openapi.json", "--no-color"),
            *("--header", f"Authorization: Bearer {TOKEN}", "--workers", "2", "--seed", "1"),
            *("--generation-deterministic", "--max-examples", str(EXAMPLES)),
            *("--phases", "examples,coverage,fuzzing", "--continue-on-failure"),
            # What no schema can say, such as which fields go together, is refused as well.
            *("--checks", "all", "--exclude-checks", "positive_data_acceptance"),
            *("--report", "json", "--report-json-path", report),
        ],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    # It leaves out the description, by which it knows all others.
    assert json.loads(report.read_text())["operations"]["tested"] == len({*SCOPES, *PUBLIC}) - 1
    assert httpx.get(f"{url}/health").status_code == 200


def configuration(there: dict[str, str]) -> str:
    """Has parameters take what is there, or what is hostile, as often as anything else."""
    known = {
        "path.ingest_id": (there["ingest"], there["waiting"]),
        "path.discovery_id": ("scheduled",),
        "path.course_id": (str(COURSE), there["old"]),
        "path.version": ("v1",),
        "path.path": ("assets/a.txt", "assets/été b.txt"),
        "query.course": (str(COURSE),),
        "query.ingest": (there["ingest"],),
        "query.location": ("primary",),
        "query.path": ("assets/a.txt", "assets/été b.txt"),
        "body.course.id": (str(COURSE), there["old"]),
    }
    lines = []
    for name, values in known.items():
        lines += [
            f'[dictionaries."{name}"]',
            f"values = {json.dumps([*values, *HOSTILE], ensure_ascii=False)}",
            f'[parameters."{name}"]',
            f'dictionary = "{name}"',
            "probability = 0.6",
        ]
    return "\n".join(lines)
