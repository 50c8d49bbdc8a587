"""The HTTP API as the commands see it: JSON in and out, and errors as sentences."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import httpx

from course_backfill.cli.wording import as_options, option_of
from course_backfill.errors import CourseBackfillError

Document = dict[str, Any]
"""A JSON object of the API, as documented by its OpenAPI description."""

TRIES = 3
PAUSE = 0.5
"""Seconds between two tries."""
PAGE = 100
UNAVAILABLE = {429, 502, 503, 504}
"""What passes; a gateway says 429 where many ask at once."""


class ApiError(CourseBackfillError):
    """The API refused the request; `str()` is its own explanation, all problems at once."""

    def __init__(self, status: int, problem: Document) -> None:
        super().__init__(_sentences(status, problem))
        self.status = status
        self.problem = problem


class ApiUnreachable(CourseBackfillError):
    """Nothing answers at the API's URL, or what answers is not the API."""


class ApiClient:
    """Talks to one API with one token. Requests that may be repeated are, over short gaps."""

    def __init__(self, http: httpx.Client, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._http = http
        self._sleep = sleep
        self._was_let_in = False

    @property
    def url(self) -> str:
        """Where the API is."""
        return str(self._http.base_url).rstrip("/")

    def is_over(self, error: ApiError) -> bool:
        """Whether the error says that the token, which was accepted before, no longer is."""
        return self._was_let_in and error.status == httpx.codes.UNAUTHORIZED

    def get(self, path: str, **query: Any) -> Document:
        """The JSON document at the path."""
        return self._json(self._request("GET", path, query=query))

    def csv(self, path: str, **query: Any) -> Iterator[str]:
        """The same resource as CSV, page after page, its heading once."""
        wanted: str | None = path
        is_first = True
        while wanted is not None:
            response = self._request("GET", wanted, query=query, headers={"accept": "text/csv"})
            heading, newline, rows = response.text.partition("\n")
            yield heading + newline + rows if is_first else rows
            # The link of the next page carries the whole query.
            wanted, query, is_first = response.links.get("next", {}).get("url"), {}, False

    def pages(self, path: str, **query: Any) -> Iterator[Document]:
        """Every result of a list, page after page."""
        cursor: str | None = None
        while True:
            page = self.get(path, limit=PAGE, cursor=cursor, **query)
            yield from page["results"]
            cursor = page.get("nextCursor")
            if cursor is None:
                return

    def post(self, path: str, body: Document | None = None, *, key: str | None = None) -> Document:
        """Asks for something; with an idempotency key the request is safely repeated."""
        headers = {"idempotency-key": key} if key else {}
        return self._json(
            self._request("POST", path, body=body or {}, headers=headers, repeat=bool(key))
        )

    def redirect(self, path: str, /, **query: Any) -> str:
        """The URL that the path redirects to."""
        response = self._request("GET", path, query=query)
        if response.status_code != httpx.codes.TEMPORARY_REDIRECT:
            raise ApiUnreachable(f"{self.url} answered {response.status_code}, not a redirect")
        return response.headers["location"]

    def _request(
        self,
        method: str,
        path: str,
        *,
        query: Document | None = None,
        body: Document | None = None,
        headers: dict[str, str] | None = None,
        repeat: bool = True,
    ) -> httpx.Response:
        given = {name: value for name, value in (query or {}).items() if value is not None}
        request = self._http.build_request(
            method, path, params=given or None, json=body, headers=headers or {}
        )
        response = self._send(request, tries=TRIES if repeat else 1)
        if response.is_error:
            raise ApiError(response.status_code, _problem(response))
        self._was_let_in = True
        return response

    def _send(self, request: httpx.Request, *, tries: int) -> httpx.Response:
        try:
            response = self._http.send(request)
        except httpx.TransportError as error:
            if tries == 1:
                raise ApiUnreachable(_unreachable(self.url, error.request.url)) from error
        else:
            if response.status_code not in UNAVAILABLE:
                return response
            if tries == 1:
                said = _sentences(response.status_code, _problem(response))
                raise ApiUnreachable(f"The API at {self.url} is not available now: {said}")
        self._sleep(PAUSE)
        return self._send(request, tries=tries - 1)

    def _json(self, response: httpx.Response) -> Document:
        try:
            document = response.json()
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise ApiUnreachable(f"What answers at {self.url} is not the course backfill API.")
        return document


def course_path(course: str, *rest: str) -> str:
    """The path of a course or of something below it; `rest` is quoted part by part."""
    return "/".join(("/courses", quote(course, safe=":+"), *(quote(part) for part in rest)))


def ingest_path(ingest: str, *rest: str) -> str:
    """The path of an ingest or of something below it."""
    return "/".join(("/ingests", quote(ingest, safe=""), *rest))


def _unreachable(url: str, asked: httpx.URL) -> str:
    if asked.host != httpx.URL(url).host or asked.port != httpx.URL(url).port:
        return f"No answer from {asked.copy_with(query=None)}, which gives tokens for {url}."
    return (
        f"No answer from the API at {url}. Is it running (course-backfill serve)? "
        "If it is elsewhere, set COURSE_BACKFILL_API_URL and COURSE_BACKFILL_API_TOKEN."
    )


def _problem(response: httpx.Response) -> Document:
    try:
        problem = response.json()
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}


def _sentences(status: int, problem: Document) -> str:
    """Every single problem on a line of its own, by its option; the detail where there is none."""
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN} and not problem.get("errors"):
        is_unknown = status == httpx.codes.UNAUTHORIZED or not problem.get("detail")
        said = "The API does not accept this token." if is_unknown else problem["detail"]
        return f"{said} Give another one as COURSE_BACKFILL_API_TOKEN or with --token."
    named = (problem.get(name) for name in ("detail", "title", "message"))
    said = next(filter(None, named), f"The API answered {status}.")
    errors = [
        f"{option_of(one.get('pointer', ''))}: {one.get('detail', '')}".removeprefix(": ")
        for one in problem.get("errors", [])
    ]
    return as_options("\n".join(errors) or str(said))
