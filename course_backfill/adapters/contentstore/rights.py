"""What the MongoDB user may do: reading is all that this product needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from course_backfill.adapters.mongodb import Client
from course_backfill.findings import Finding

_CHANGING = frozenset(
    {"insert", "update", "remove", "dropCollection", "dropDatabase", "createIndex", "dropIndex"}
)
_NAME = "MongoDB rights"


def rights(client: Client, database: str) -> Iterator[Finding]:
    """One finding: not ok where the user may change the database; advice where nobody logs in."""
    status: dict[str, Any] = client.admin.command("connectionStatus", showPrivileges=True)
    known = status["authInfo"]
    if not known.get("authenticatedUsers"):
        yield Finding(
            _NAME,
            True,
            "no user: this server lets anybody read and write",
            f"In production use a user with the role read on {database} alone.",
        )
        return
    allowed = {
        action
        for privilege in known.get("authenticatedUserPrivileges", [])
        if _covers(privilege["resource"], database)
        for action in privilege["actions"]
    }
    changing = sorted(allowed & _CHANGING)
    if changing:
        yield Finding(
            _NAME,
            False,
            f"the user may change {database}: {', '.join(changing)}",
            f"Use a user with the role read on {database} alone; nothing is ever written to it.",
        )
    else:
        yield Finding(_NAME, "find" in allowed, *_reading("find" in allowed, database))


def _reading(may_read: bool, database: str) -> tuple[str, str]:
    if may_read:
        return f"the user may read {database} and not change it", ""
    return f"the user may not read {database}", f"Grant it the role read on {database}."


def _covers(resource: dict[str, Any], database: str) -> bool:
    if resource.get("anyResource"):
        return True
    # A collection of the server's own does not count: the role read grants some of those too.
    is_own = str(resource.get("collection", "")).startswith("system.")
    return resource.get("db") in {"", database} and not is_own
