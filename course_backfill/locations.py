"""Locations: the configured destinations, and where things lie inside them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from course_backfill.courses import CourseId
from course_backfill.ingest_states import allotted_version
from course_backfill.ingests import Ingest
from course_backfill.records import Record

PRIMARY = "primary"
"""The location every ingest fills first and readers are served from."""

Prefix = Annotated[str, StringConstraints(max_length=128, pattern=r"^([A-Za-z0-9!_.*'()-]+/)*$")]


class Location(Record):
    """One destination: a bucket and a prefix inside it."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")] = PRIMARY
    bucket: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
    prefix: Prefix = Field(default="", description="empty, or path segments each ending in /")

    def version_prefix(self, course: CourseId, version: str) -> str:
        """The prefix, ending in `/`, that one version of a course owns."""
        return f"{self.prefix}courses/{str(course).replace('/', '%2F')}/{version}/"

    def prefix_of(self, ingest: Ingest) -> str:
        """The prefix of the version that an ingest makes; raises Fenced before it has one."""
        return self.version_prefix(CourseId.parse(ingest.course), allotted_version(ingest))


def inventory_key(ingest: str, attempt: int) -> str:
    """Work bucket: the sorted inventory that one attempt at planning took."""
    return f"ingests/{ingest}/inventory.{attempt}.jsonl"


def result_key(ingest: str, replica: str, packet: int, attempt: str, step: str) -> str:
    """Work bucket: what one attempt at a packet found; `attempt` makes the name its own."""
    return f"ingests/{ingest}/results/{replica}/{packet:06d}.{attempt}.{step}.jsonl"


def failures_key(ingest: str) -> str:
    """Work bucket: every failed object of an ingest; kept when the rest of the work expires."""
    return f"failures/{ingest}.jsonl"
