"""How far the secondaries are behind: chunks are read from them, so that the primary is spared."""

from __future__ import annotations

from collections.abc import Iterator

from pymongo.errors import OperationFailure

from course_backfill.adapters.contentstore.database import FAR_BEHIND_SECONDS
from course_backfill.adapters.mongodb import Client
from course_backfill.findings import Finding

_NAME = "replica lag"
_PRIMARY, _SECONDARY, _ARBITER = 1, 2, 7
_UNAUTHORIZED = 13


def replicas(client: Client) -> Iterator[Finding]:
    """One finding for a replica set, none otherwise."""
    if "setName" not in client.admin.command("hello"):
        return
    try:
        members = client.admin.command("replSetGetStatus")["members"]
    except OperationFailure as error:
        if error.code != _UNAUTHORIZED:
            raise
        yield Finding(_NAME, True, "not seen: that needs the role clusterMonitor")
        return
    behind = [
        (primary["optimeDate"] - member["optimeDate"]).total_seconds()
        for primary in members
        if primary["state"] == _PRIMARY
        for member in members
        if member["state"] == _SECONDARY
    ]
    away = sum(member["state"] not in {_PRIMARY, _SECONDARY, _ARBITER} for member in members)
    if not behind and not away:
        yield Finding(_NAME, True, "there is no secondary: the primary serves every read")
        return
    slowest = max(behind, default=0.0)
    is_fine = not away and slowest <= FAR_BEHIND_SECONDS
    yield Finding(
        _NAME,
        is_fine,
        f"secondaries: {len(behind)}, the slowest {slowest:.0f} s behind; members away: {away}",
        "" if is_fine else "Wait until they have caught up: until then the primary serves reads.",
    )
