"""How discoveries are shown."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field

from course_backfill.discoveries import Discovery
from course_backfill.display import ShownStatus
from course_backfill.failures import Failure
from course_backfill.shown import Shown


class ShownUnreadCourse(Shown):
    """A course that could not be compared with its source, and why."""

    type: Literal["Course"] = "Course"
    id: str
    detail: str


class ShownDiscovery(Shown):
    """A search for courses; `found` counts all of the source's, `added` those that were new.

    Then every migrated course without an active ingest is compared with its source: `checked`
    counts those that were, `becameStale` those of them that were fresh before and are stale now,
    `unread` those that could not be compared. All counts grow while it is accepted.
    """

    type: Literal["Discovery"] = "Discovery"
    id: str
    status: ShownStatus
    requested_by: str
    created_date: str
    ended_date: str | None
    found: int
    added: int
    checked: int
    became_stale: int
    unread: int
    unread_examples: list[ShownUnreadCourse] = Field(description="At most ten of the unread.")
    failure: Failure | None

    @classmethod
    def of(cls, discovery: Discovery) -> Self:
        """The discovery as shown."""
        own = set(cls.model_fields) - {"type", "status", "failure", "unread_examples"}
        return cls(
            status=ShownStatus(id=discovery.status.value),
            unread_examples=[
                ShownUnreadCourse(id=one.course, detail=one.detail)
                for one in discovery.unread_examples
            ],
            failure=discovery.failure,
            **discovery.model_dump(include=own),
        )
