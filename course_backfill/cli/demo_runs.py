"""How the steps of the demo have ingests done, and note what is not as it must be."""

from __future__ import annotations

from collections.abc import Sequence

from course_backfill.cli.api_client import ApiClient, Document
from course_backfill.cli.displays import display_for
from course_backfill.cli.ingest_view import IngestView
from course_backfill.cli.printing import console
from course_backfill.cli.starts import Starts
from course_backfill.cli.watching import Watcher


class DemoRuns:
    """`wrong` is what went wrong, in sentences."""

    def __init__(self, api: ApiClient) -> None:
        self.wrong: list[str] = []
        self._api = api
        self._screen = console()

    def run(
        self, chosen: Sequence[str], wanted: Document, *, is_told: bool = True
    ) -> list[IngestView]:
        """Starts the courses, and gives their ingests as they ended."""
        started = Starts(api=self._api, wanted=wanted)
        started.start(chosen)
        return self.follow(started.ingests, is_told=is_told)

    def follow(self, ingests: Sequence[str], *, is_told: bool = True) -> list[IngestView]:
        """The ingests as they ended."""
        with display_for(quiet=not is_told, screen=self._screen) as display:
            return Watcher(self._api, display).watch(ingests)

    def must(self, holds: bool, otherwise: str) -> None:
        """Notes the sentence unless it holds."""
        if not holds:
            self.wrong.append(otherwise)
