"""The list of everything that failed with an ingest, line by line from the work bucket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import orjson
from aws_lambda_powertools.event_handler import Request

from course_backfill.errors import InvalidInput, NotFound, Problem
from course_backfill.failures import Failure
from course_backfill.ingests import Ingest
from course_backfill.locations import failures_key
from course_backfill.manifests import split_lines
from services.ingests_api.answer_sizes import PAGE_BYTES
from services.ingests_api.answers import Answer, answers, csv_answer, json_answer, wants_csv
from services.ingests_api.api import Api
from services.ingests_api.csv_text import csv_text
from services.ingests_api.cursors import decode_cursor, encode_cursor
from services.ingests_api.display import ShownResults
from services.ingests_api.endpoints import Endpoint
from services.ingests_api.parameters import DEFAULT_LIMIT, CsvLimit, Cursor, IngestPath

MAX_ROWS = 20_000

COLUMNS = (
    "path",
    "sourceId",
    "stage",
    "code",
    "severity",
    "detail",
    "attempts",
    "action",
    "replica",
)


@dataclass(frozen=True, slots=True)
class _Page:
    failures: list[Failure]
    offset: int | None
    """Where the next page begins in the file."""


class FailureRoutes:
    """Answers for the failures of an ingest."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def endpoints(self) -> list[Endpoint]:
        """The route, and how it is described."""
        return [
            Endpoint(
                method="GET",
                path="/ingests/<ingest_id>/failures",
                handler=self.listing,
                tag="Ingests",
                summary="List everything that failed: what, why, and what to do",
                description="As CSV with `Accept: text/csv`. A dry run's list has warnings too.",
                answers=answers(
                    {200: ("One page.", ShownResults[Failure])},
                    refusals=(400, 404, 422),
                    csv=True,
                ),
            )
        ]

    def listing(
        self,
        request: Request,
        ingest_id: IngestPath,
        limit: CsvLimit = None,
        cursor: Cursor = None,
    ) -> Answer:
        """A page of failures, in the order of the inventory."""
        ingest = self._api.ingests.get(ingest_id)
        asked = ("failures", ingest.id, ingest.epoch)
        offset = int(decode_cursor(asked, cursor) or 0)
        is_csv = wants_csv(request.headers.get("accept"))
        page = self._page(ingest, offset, limit or (MAX_ROWS if is_csv else DEFAULT_LIMIT))
        position = None if page.offset is None else str(page.offset)
        next_cursor = encode_cursor(asked, position)
        if not is_csv:
            shown = ShownResults[Failure](results=page.failures, next_cursor=next_cursor)
            return json_answer(shown)
        path = f"{request.context['base']}/ingests/{ingest.id}/failures?cursor={next_cursor}"
        return csv_answer(
            csv_text(COLUMNS, map(_row, page.failures)),
            name=f"failures-{ingest.id}",
            next_page=path if next_cursor else None,
        )

    def _page(self, ingest: Ingest, offset: int, limit: int) -> _Page:
        if ingest.failure_count == 0:
            return _Page([], None)
        failures: list[Failure] = []
        reached = offset
        for line in self._lines(ingest, offset):
            if len(failures) == limit or reached - offset > PAGE_BYTES:
                return _Page(failures, reached)
            failures.append(Failure.from_line(line))
            reached += len(line)
        return _Page(failures, None)

    def _lines(self, ingest: Ingest, offset: int) -> Iterator[bytes]:
        """The lines from a line's beginning on; the byte before it tells whether it is one."""
        lines = split_lines(self._api.work.read(failures_key(ingest.id), start=max(offset - 1, 0)))
        try:
            if offset and list(islice(lines, 1)) != [b"\n"]:
                raise InvalidInput(Problem("?cursor", "the list has changed: begin again"))
            yield from lines
        except NotFound:
            # Its failures are counted but not listed: the ingest as a whole failed.
            return


def _row(failure: Failure) -> list[object]:
    source = failure.source_id
    return [
        failure.path,
        source if source is None or isinstance(source, str) else orjson.dumps(source).decode(),
        failure.stage,
        failure.code,
        failure.severity,
        failure.detail,
        failure.attempts,
        failure.action,
        failure.replica,
    ]
