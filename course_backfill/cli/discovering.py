"""The command that finds courses: discover."""

from __future__ import annotations

import time
from urllib.parse import quote

from course_backfill.cli.api_client import ApiClient, Document
from course_backfill.cli.connection import AsJson, with_api
from course_backfill.cli.outcomes import Failed
from course_backfill.cli.printing import courses, print_json, printable, remark, say

PAUSE = 0.5
SILENT_SECONDS = 20


@with_api
def discover(api: ApiClient, *, as_json: AsJson = False) -> None:
    """Find the courses of the source now, and wait for the result.

    Also compares every migrated course with its source: one that has changed is stale from now
    on. Workers do the same by themselves, when they start and every hour.
    """
    discovery = find_courses(api)
    if as_json:
        print_json(discovery)
    if discovery["status"]["id"] != "succeeded":
        failure = discovery["failure"] or {}
        raise Failed(printable(f"{failure.get('detail')} {failure.get('action')}"))
    if not as_json:
        _tell(discovery)
    if discovery["unread"]:
        raise Failed(
            f"{courses(discovery['unread'])} could not be compared with the source. "
            "Next: course-backfill check"
        )


def _still(discovery: Document) -> str:
    if discovery["checked"]:
        return f"Still comparing with the source: {courses(discovery['checked'])} so far."
    return "Still looking. If no planner is running, start it: course-backfill work"


def _tell(discovery: Document) -> None:
    said = f"Found {courses(discovery['found'])}, {discovery['added']} of them new."
    if discovery["checked"]:
        stale = discovery["becameStale"]
        said += f" Compared {courses(discovery['checked'])} with the source, {stale} became stale."
        said += " Next: course-backfill start --all-missing" if stale else ""
    say(said)
    for one in discovery["unreadExamples"]:
        remark(printable(f"{one['id']}: {one['detail']}"), style="red")


def find_courses(api: ApiClient) -> Document:
    """The discovery, once it has ended."""
    discovery = api.post("/discoveries")
    began = time.monotonic()
    is_told = False
    while discovery["status"]["id"] == "accepted":
        time.sleep(PAUSE)
        discovery = api.get(f"/discoveries/{quote(discovery['id'], safe='')}")
        if time.monotonic() - began > SILENT_SECONDS and not is_told:
            remark(_still(discovery))
            is_told = True
    return discovery
