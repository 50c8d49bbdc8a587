"""What happens to buckets behind the back of the pipeline in the demo, and a count of its own."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from course_backfill.adapters.aws_clients import AwsClients
from course_backfill.adapters.setup import create_resources
from course_backfill.courses import CourseId
from course_backfill.local.stack import API, COPIERS, STEERERS, Stack, wait_until_healthy
from course_backfill.locations import Location
from course_backfill.settings import Settings

SECOND = "second"
RESTORE_SECONDS = 3.0
"""How long restores take here, where the real ones take minutes to hours."""
LOOK_SECONDS = 0.05
SECONDS_TO_RESTART = 30.0


@dataclass(frozen=True, slots=True)
class BucketCount:
    """What listing a location's bucket finds: courses with a manifest, and their content."""

    courses: int
    objects: int
    size: int


def add_location(stack: Stack, file: Path) -> Stack:
    """Adds a second location to the settings file, and restarts the API and all workers with it.

    Gives the stack with the settings that they have now.
    """
    primary = stack.settings.primary
    second = Location(
        id=SECOND, bucket=f"{stack.settings.namespace}-{SECOND}", region="eu-central-1"
    )
    file.write_text("\n".join(_as_toml(one) for one in (primary, second)))
    settings = stack.settings.model_copy(update={"locations": Settings.load().locations})
    create_resources(settings, AwsClients.connect(settings))
    _restart(stack)
    return replace(stack, settings=settings)


def let_go_cold(stack: Stack, course: str) -> int:
    """Moves the course's content in the primary to GLACIER, as a lifecycle rule would.

    Gives the number of objects. From now on restores take some seconds.
    """
    primary = stack.settings.primary
    _order(stack, "/_restores", seconds=RESTORE_SECONDS)
    moved = _order(
        stack,
        "/_archive",
        bucket=primary.bucket,
        prefix=f"{primary.version_prefix(CourseId.parse(course), 'v1')}assets/",
        storageClass="GLACIER",
    )
    return int(moved["objects"])


def damage(stack: Stack, location: str, course: str, path: str) -> None:
    """Replaces a copy by other bytes of the same length, as nobody should."""
    where = _location(stack, location)
    s3, key = AwsClients.connect(stack.settings).s3_of(where), _key(where, course, path)
    length = s3.head_object(Bucket=where.bucket, Key=key)["ContentLength"]
    s3.put_object(Bucket=where.bucket, Key=key, Body=b"\x00" * length)


def read_copy(stack: Stack, location: str, course: str, path: str) -> bytes:
    """The bytes of a copy, straight from its bucket."""
    where = _location(stack, location)
    s3 = AwsClients.connect(stack.settings).s3_of(where)
    return s3.get_object(Bucket=where.bucket, Key=_key(where, course, path))["Body"].read()


def count_bucket(stack: Stack, location: str) -> BucketCount:
    """Lists the whole bucket; knows of the pipeline only how manifest files are called."""
    where = _location(stack, location)
    s3 = AwsClients.connect(stack.settings).s3_of(where)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=where.bucket)
    found = [one for page in pages for one in page.get("Contents", [])]
    content = [one for one in found if one["Key"].count("/") > 3]
    courses = {one["Key"].split("/")[1] for one in found if one["Key"].endswith("/manifest.json")}
    return BucketCount(len(courses), len(content), sum(one["Size"] for one in content))


def _as_toml(location: Location) -> str:
    given = {"id": location.id, "bucket": location.bucket, "region": location.region}
    lines = [f'{name} = "{value}"' for name, value in given.items() if value]
    return "\n".join(("[[locations]]", *lines, ""))


def _restart(stack: Stack) -> None:
    """Ends them as their machines' shutdown would; the supervisor starts them again."""
    before = {name: stack.supervisor.pid(name) for name in (API, STEERERS, COPIERS)}
    for pid in before.values():
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + SECONDS_TO_RESTART
    while any(stack.supervisor.pid(name) == pid for name, pid in before.items()):
        if time.monotonic() > deadline:
            raise TimeoutError("API and workers were not restarted")
        time.sleep(LOOK_SECONDS)
    for name in before:
        stack.supervisor.ready(name)
    wait_until_healthy(stack.client.url)


def _order(stack: Stack, path: str, **order: Any) -> dict[str, Any]:
    url = f"{stack.client.aws_endpoint_url}{path}"
    answer = httpx.post(url, json=order, trust_env=False).raise_for_status()
    return dict(answer.json()) if answer.content else {}


def _location(stack: Stack, location: str) -> Location:
    return next(one for one in stack.settings.locations if one.id == location)


def _key(where: Location, course: str, path: str) -> str:
    return where.version_prefix(CourseId.parse(course), "v1") + path
