"""Asking for ingests of courses, one by one; a course that is busy may be waited for."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from course_backfill.cli.api_client import ApiClient, ApiError, Document, ingest_path
from course_backfill.cli.busy import doing, is_wanted, wanted_locations
from course_backfill.cli.ingest_view import IngestView
from course_backfill.cli.outcomes import FAILED, SUCCEEDED, WRONG_USE, code_of
from course_backfill.cli.printing import printable, remark

UNKNOWN_TOKEN = 401
CONFLICT = 409
REFUSED_IN_ITSELF = 422


@dataclass(slots=True, kw_only=True)
class Starts:
    """The ingests of one command: those that run now, and the courses that could not be started.

    With `is_waiting`, a course that something else keeps busy is started when that has ended:
    `held` says by which ingest. `is_told` has it say which are accepted.
    """

    api: ApiClient
    wanted: Document
    is_told: bool = False
    is_waiting: bool = False
    ingests: list[str] = field(default_factory=list)
    held: dict[str, str] = field(default_factory=dict)
    refusals: list[int] = field(default_factory=list)
    """For each course that could not be started, the exit code that this means."""
    busy: int = 0
    """How many of the ingests had been running already."""
    pending: list[str] = field(default_factory=list)
    """The courses whose turn has not come, or has not ended."""
    _invocation: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def code(self) -> int:
        """The exit code, as far as starting alone is concerned."""
        if FAILED in self.refusals or self.held:
            return FAILED
        return WRONG_USE if self.refusals else SUCCEEDED

    @property
    def watched(self) -> list[str]:
        """What is to be followed: the ingests, and those that hold courses."""
        return [*self.ingests, *self.held]

    @property
    def not_started(self) -> list[str]:
        """The courses that are still to be started, those that are held before the others."""
        return [*self.held.values(), *self.pending]

    def start(self, courses: Sequence[str]) -> None:
        """Starts each course; one that cannot be started does not keep the others from it.

        Says which are refused, held or running already. Raises ApiError where the request would
        be wrong for any course.
        """
        self.pending.extend(courses)
        while self.pending:
            self._start(self.pending[0])
            del self.pending[0]

    def go_on(self, end: IngestView) -> list[str]:
        """Starts what an ingest held that has ended; gives what is to be followed instead."""
        if end.id not in self.held:
            return []
        course = self.held.pop(end.id)
        known = set(self.watched)
        self.start([course])
        return [one for one in self.watched if one not in known]

    def _start(self, course: str) -> None:
        body = {**self.wanted, "course": {"id": course}}
        try:
            ingest = self.api.post("/ingests", body, key=f"{self._invocation}-{course}")
        except ApiError as error:
            self._refused(course, error)
            return
        self.ingests.append(str(ingest["id"]))
        if self.is_told:
            remark(f"{printable(course)}: accepted as ingest {ingest['id']}")

    def _refused(self, course: str, error: ApiError) -> None:
        active = (error.problem.get("ingest") or {}).get("id")
        if error.status == CONFLICT and active:
            self._busy(course, IngestView(self.api.get(ingest_path(active))))
            return
        if error.status == UNKNOWN_TOKEN:
            raise error
        pointers = {one.get("pointer") for one in error.problem.get("errors") or ()}
        if error.status == REFUSED_IN_ITSELF and pointers and "/course/id" not in pointers:
            raise error
        reason = str(error).removeprefix("COURSE: ").removeprefix(f"course {course} ")
        remark(f"{printable(course)}: {reason}", style="red")
        self.refusals.append(code_of(error))

    def _busy(self, course: str, active: IngestView) -> None:
        name = printable(course)
        if is_wanted(active.document, self.wanted, wanted_locations(self.api, self.wanted)):
            remark(f"{name}: already running as ingest {active.id}")
            self.ingests.append(active.id)
            self.busy += 1
        elif self.is_waiting:
            remark(
                f"{name}: {doing(active, self.wanted)}; starts when that has ended", style="yellow"
            )
            self.held[active.id] = course
        else:
            remark(f"{name}: not started, it is {doing(active, self.wanted)}", style="red")
            remark(f"  wait for it:  course-backfill watch {active.id}, then say this again")
            remark(f"  or end it:    course-backfill cancel {active.id}")
            self.refusals.append(FAILED)
