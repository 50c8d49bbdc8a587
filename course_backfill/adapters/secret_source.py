"""A contentstore whose MongoDB URI is a secret, which may be changed while a worker is warm."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import SecretStr

from course_backfill.adapters.contentstore import ContentstoreSource
from course_backfill.adapters.mongodb import Client, connect
from course_backfill.courses import CourseId
from course_backfill.errors import (
    LoginRefused,
    SecretRefused,
    SecretsUnavailable,
    SourceRefused,
    SourceUnavailable,
)
from course_backfill.inventory import SourceObject
from course_backfill.ports import ReadObject

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Opened:
    uri: SecretStr
    client: Client
    source: ContentstoreSource


class SecretSource:
    """Reads what the secret names; nothing is fetched before the first verb.

    Each verb asks whether the secret is another one by now, which `fetch` may answer with what it
    knows from before. Where MongoDB refuses the login, the secret itself is asked for. If it is
    another one, the verb raises SourceUnavailable, so that its step waits a little and then goes
    on with the new one; if it is the same, the refusal stands.
    """

    def __init__(
        self,
        fetch: Callable[[bool], SecretStr],
        *,
        database: str | None = None,
        bucket: str = "fs",
    ) -> None:
        """`fetch` gives the URI, from Secrets Manager itself if it is called with True."""
        self._fetch = fetch
        self._given = database
        self._bucket = bucket
        self._lock = threading.Lock()
        self._opened: _Opened | None = None
        self._former: Client | None = None

    @property
    def database(self) -> str:
        """See CourseSource."""
        with self._current() as source:
            return source.database

    def discover(self) -> Iterator[CourseId]:
        """See CourseSource."""
        with self._current() as source:
            yield from source.discover()

    def inventory(self, course: CourseId, *, check_chunks: bool) -> Iterator[SourceObject]:
        """See CourseSource."""
        with self._current() as source:
            yield from source.inventory(course, check_chunks=check_chunks)

    def current(self, objects: Sequence[SourceObject]) -> list[SourceObject | None]:
        """See CourseSource."""
        with self._current() as source:
            return source.current(objects)

    def read_batch(self, objects: Sequence[SourceObject]) -> Iterator[ReadObject]:
        """See CourseSource."""
        with self._current() as source:
            yield from source.read_batch(objects)

    def stream(self, found: SourceObject) -> Iterator[bytes]:
        """See CourseSource."""
        with self._current() as source:
            yield from source.stream(found)

    def sharing(self, course: CourseId) -> list[CourseId]:
        """See CourseSource."""
        with self._current() as source:
            return source.sharing(course)

    def close(self) -> None:
        """Closes what was opened."""
        for client in (self._former, self._opened.client if self._opened else None):
            if client is not None:
                client.close()

    @contextmanager
    def _current(self) -> Iterator[ContentstoreSource]:
        with self._lock:
            opened = self._up_to_date()
        try:
            yield opened.source
        except LoginRefused as refusal:
            if self._has_changed(opened):
                raise SourceUnavailable(
                    "MongoDB refused the user or the password, and the secret was changed since: "
                    "the new one is taken."
                ) from refusal
            raise

    def _has_changed(self, refused: _Opened) -> bool:
        with self._lock:
            if self._opened is not refused:
                return True
            return self._open(self._uri(fresh=True)) is not refused

    def _up_to_date(self) -> _Opened:
        try:
            return self._open(self._uri(fresh=False))
        except (SourceUnavailable, SourceRefused) as fault:
            if self._opened is None:
                raise
            logger.warning("going on with the URI of before: %s", fault)
            return self._opened

    def _open(self, uri: SecretStr) -> _Opened:
        """What reads from there; the same as before for the same URI."""
        if self._opened is not None and self._opened.uri == uri:
            return self._opened
        client = connect(uri.get_secret_value())
        source = ContentstoreSource(client=client, database=self._given, bucket=self._bucket)
        # Others may still read with what they have; with the one before that nobody does.
        if self._former is not None:
            self._former.close()
        self._former = self._opened.client if self._opened else None
        self._opened = _Opened(uri, client, source)
        return self._opened

    def _uri(self, *, fresh: bool) -> SecretStr:
        try:
            return self._fetch(fresh)
        except SecretsUnavailable as outage:
            raise SourceUnavailable(str(outage)) from outage
        except SecretRefused as refusal:
            raise SourceRefused(str(refusal)) from refusal
