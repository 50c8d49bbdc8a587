"""Follows ingests until all have ended; what it shows is a display's business."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from course_backfill.cli.api_client import ApiClient, ApiUnreachable, ingest_path
from course_backfill.cli.ingest_view import IngestView
from course_backfill.cli.printing import remark

SHORTEST_ROUND = 0.5
SECONDS_EACH = 0.05
"""A round takes longer with more ingests, so that watching thousands is no load."""
LONGEST_GAP = 8.0
"""Seconds; each try while the API is away is twice as late as the one before, up to this."""
PATIENCE = 60
"""Seconds that the API may be away before watching is given up."""


class Display(Protocol):
    """Shows ingests to whoever watches."""

    def show(self, ingest: IngestView) -> None:
        """How an ingest stands now."""
        ...

    def ended(self, ingest: IngestView) -> None:
        """How an ingest ended; told once."""
        ...


class Watcher:
    """Asks the API for each ingest in turn, again and again."""

    def __init__(
        self,
        api: ApiClient,
        display: Display,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._display = display
        self._sleep = sleep
        self._now = now
        self._last_answer = now()
        self._gap = 0.0
        """Seconds between two tries while the API is away; 0 while it answers."""

    def watch(
        self, ingests: Sequence[str], *, then: Callable[[IngestView], Sequence[str]] | None = None
    ) -> list[IngestView]:
        """The ingests as they ended, and those that `then` names at the end of one.

        Raises ApiUnreachable after a minute without an answer.
        """
        left = list(ingests)
        ends: list[IngestView] = []
        while left:
            for ingest in list(left):
                view = self._look(ingest)
                if view is None:
                    break
                if view.has_ended:
                    left.remove(ingest)
                    ends.append(view)
                    self._display.ended(view)
                    left += then(view) if then else ()
                else:
                    self._display.show(view)
            if left:
                self._sleep(max(SHORTEST_ROUND, SECONDS_EACH * len(left), self._gap))
        return ends

    def _look(self, ingest: str) -> IngestView | None:
        """The ingest, or None while the API is away for a moment."""
        try:
            document = self._api.get(ingest_path(ingest))
        except ApiUnreachable:
            if self._now() - self._last_answer > PATIENCE:
                raise
            if not self._gap:
                remark("The API does not answer; the ingests go on. Trying again …", style="yellow")
            self._gap = min(max(SHORTEST_ROUND, 2 * self._gap), LONGEST_GAP)
            return None
        self._last_answer, self._gap = self._now(), 0.0
        return IngestView(document)
