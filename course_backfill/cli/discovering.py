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

    Workers also do this by themselves, when they start and every hour. A course that is known
    already is left as it is.
    """
    discovery = find_courses(api)
    if as_json:
        print_json(discovery)
    if discovery["status"]["id"] != "succeeded":
        failure = discovery["failure"] or {}
        raise Failed(printable(f"{failure.get('detail')} {failure.get('action')}"))
    if not as_json:
        say(f"Found {courses(discovery['found'])}, {discovery['added']} of them new.")


def find_courses(api: ApiClient) -> Document:
    """The discovery, once it has ended."""
    discovery = api.post("/discoveries")
    began = time.monotonic()
    is_told = False
    while discovery["status"]["id"] == "accepted":
        time.sleep(PAUSE)
        discovery = api.get(f"/discoveries/{quote(discovery['id'], safe='')}")
        if time.monotonic() - began > SILENT_SECONDS and not is_told:
            remark("Still looking. If no planner is running, start it: course-backfill work")
            is_told = True
    return discovery
