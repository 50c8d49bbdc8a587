"""Routes of versions: which there are, what each is, its entries, and their bytes."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from urllib.parse import quote, unquote, urlencode

from aws_lambda_powertools.event_handler import Request, Response

from course_backfill.cold.storage import Warmth, warmth
from course_backfill.courses import version_number
from course_backfill.errors import Conflict, NotFound
from course_backfill.ingests import PRIMARY
from course_backfill.manifests import Entry, StorageManifest
from course_backfill.ports import ObjectStat
from services.ingests_api.answers import Answer, answers, csv_answer, json_answer, wants_csv
from services.ingests_api.api import Api
from services.ingests_api.auth import LOCKED, Principal
from services.ingests_api.csv_text import csv_text
from services.ingests_api.cursors import decode_cursor, encode_cursor
from services.ingests_api.display import ShownEntry, ShownResults, ShownVersion
from services.ingests_api.endpoints import Endpoint
from services.ingests_api.parameters import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    CoursePath,
    Cursor,
    EntryPath,
    EntryQuery,
    KindQuery,
    Limit,
    PrefixQuery,
    VersionPath,
)

TAG = "Versions"
CONTENT_DESCRIPTION = (
    "Redirects to a link that works for a short time and only for this object. Entries that are "
    "locked in the course need the scope content:locked. What has gone cold answers 409, and says "
    "how to warm it."
)
ENTRY_COLUMNS = (
    "path",
    "kind",
    "size",
    "sha256",
    "md5",
    "contentType",
    "uploadDate",
    "version",
    "key",
)


class VersionRoutes:
    """Answers for the registered versions of courses."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def endpoints(self) -> list[Endpoint]:
        """The routes, and how they are described."""
        below = "/courses/<course_id>/versions"
        content_answers = answers(
            {307: ("Location is the link to the bytes.", None)}, refusals=(400, 404, 409, 422)
        )
        return [
            Endpoint(
                method="GET",
                path=below,
                handler=self.listing,
                tag=TAG,
                summary="List a course's registered versions, newest first",
                answers=answers(
                    {200: ("One page.", ShownResults[ShownVersion])}, refusals=(400, 404, 422)
                ),
            ),
            Endpoint(
                method="GET",
                path=f"{below}/<version>",
                handler=self.manifest,
                tag=TAG,
                summary="Read a version's storage manifest",
                answers=answers(
                    {200: ("The manifest.", StorageManifest)}, refusals=(400, 404, 409, 422)
                ),
            ),
            Endpoint(
                method="GET",
                path=f"{below}/<version>/entries",
                handler=self.entries,
                tag=TAG,
                summary="List a version's entries, by path",
                description="A page may be short, even empty: only a null nextCursor is the end. "
                "As CSV with `Accept: text/csv`.",
                answers=answers(
                    {200: ("One page.", ShownResults[ShownEntry])},
                    refusals=(400, 404, 409, 422),
                    csv=True,
                ),
            ),
            Endpoint(
                method="GET",
                path=f"{below}/<version>/content/<path>",
                handler=self.content,
                tag=TAG,
                summary="Get the bytes of an entry",
                description=CONTENT_DESCRIPTION,
                answers=content_answers,
            ),
            Endpoint(
                method="GET",
                path=f"{below}/<version>/content",
                handler=self.content_of,
                tag=TAG,
                summary="Get the bytes of an entry, whatever its path holds",
                description=CONTENT_DESCRIPTION,
                answers=content_answers,
            ),
        ]

    def listing(self, course_id: CoursePath, limit: Limit = None, cursor: Cursor = None) -> Answer:
        """A page of versions."""
        asked = ("versions", course_id)
        before = decode_cursor(asked, cursor)
        course = self._api.courses.get(course_id)
        wanted = [
            version
            for version in self._api.courses.versions(course_id)
            if not before or version_number(version.id) < int(before)
        ]
        page = wanted[: limit or DEFAULT_LIMIT]
        shown = [
            ShownVersion.of(one, course, self._api.courses.replicas(course_id, one.id))
            for one in page
        ]
        is_end = len(page) == len(wanted)
        position = None if is_end else str(version_number(page[-1].id))
        next_cursor = encode_cursor(asked, position)
        return json_answer(ShownResults[ShownVersion](results=shown, next_cursor=next_cursor))

    def manifest(self, course_id: CoursePath, version: VersionPath) -> Answer:
        """The storage manifest."""
        found = self._api.version_files(course_id, version).manifest()
        return Response(
            status_code=HTTPStatus.OK,
            content_type="application/json",
            body=found.model_dump_json(by_alias=True),
        )

    def entries(
        self,
        request: Request,
        course_id: CoursePath,
        version: VersionPath,
        *,
        kind: KindQuery = None,
        prefix: PrefixQuery = None,
        limit: Limit = None,
        cursor: Cursor = None,
    ) -> Answer:
        """A page of entries."""
        asked = ("entries", course_id, version, kind, prefix)
        is_csv = wants_csv(request.headers.get("accept"))
        page = self._api.version_files(course_id, version).page(
            limit=limit or (MAX_LIMIT if is_csv else DEFAULT_LIMIT),
            after=decode_cursor(asked, cursor),
            prefix=prefix or "",
            kind=kind,
        )
        next_cursor = encode_cursor(asked, page.after)
        if is_csv:
            filters = {"kind": kind, "prefix": prefix, "cursor": next_cursor}
            query = urlencode({name: one for name, one in filters.items() if one})
            path = f"/courses/{quote(course_id, safe=':+')}/versions/{version}/entries"
            return csv_answer(
                csv_text(ENTRY_COLUMNS, map(_row, page.entries)),
                name=f"entries-{version}",
                next_page=f"{request.context['base']}{path}?{query}" if next_cursor else None,
            )
        shown = [ShownEntry.model_validate(entry.to_dict()) for entry in page.entries]
        return json_answer(ShownResults[ShownEntry](results=shown, next_cursor=next_cursor))

    def content(
        self, request: Request, course_id: CoursePath, version: VersionPath, path: EntryPath
    ) -> Answer:
        """A redirect to the bytes."""
        return self._redirect(request, course_id, version, self._entry(course_id, version, path))

    def content_of(
        self, request: Request, course_id: CoursePath, version: VersionPath, *, path: EntryQuery
    ) -> Answer:
        """The same; a query reaches the API as it was sent, other than a path."""
        entry = self._api.version_files(course_id, version).find(path)
        return self._redirect(request, course_id, version, entry)

    def _redirect(self, request: Request, course_id: str, version: str, entry: Entry) -> Answer:
        principal: Principal = request.context["principal"]
        # Whatever is written there but null or false counts as locked.
        if entry.source.metadata.get("locked"):
            principal.require(LOCKED)
        url = self._link(course_id, version, entry)
        headers = {"Location": url, "Cache-Control": "no-store"}
        return Response(status_code=HTTPStatus.TEMPORARY_REDIRECT, body="", headers=headers)

    def _entry(self, course: str, version: str, path: str) -> Entry:
        """The entry of that name; failing that, of the name that it is the encoding of.

        Most gateways hand a path over decoded, some do not, and API Gateway decodes it twice.
        """
        files = self._api.version_files(course, version)
        try:
            return files.find(path)
        except NotFound:
            decoded = unquote(path)
            if decoded == path:
                raise
        return files.find(decoded)

    def _link(self, course: str, version: str, entry: Entry) -> str:
        key = self._api.version_prefix(course, entry.version) + entry.key
        reader = self._api.readers[PRIMARY]
        latest = self._api.courses.get(course).latest_version
        warm = f"course-backfill warm {course}"
        if version != latest:
            warm += f" --version {version}"
        _require_readable(entry, reader.stat(key), self._api.clock(), warm, course)
        return reader.presign(
            key,
            version_id=None,
            seconds=self._api.presign_seconds,
            file_name=entry.source.name.rpartition("/")[2] or entry.source.name,
        )


def _require_readable(
    entry: Entry, stat: ObjectStat | None, now: datetime, warm: str, course: str
) -> None:
    """Raises what a link that leads to nothing readable would not say."""
    if stat is None:
        raise NotFound(
            f"the copy of {entry.path!r} is missing in the primary: "
            f"course-backfill audit {course} finds all that is, and the next start mends it"
        )
    state = warmth(stat.archive, stat.restore, now)
    if state is Warmth.RESTORING:
        raise Conflict(f"{entry.path!r} is being restored from cold storage; try again later")
    if state is Warmth.COLD:
        raise Conflict(
            f"{entry.path!r} has gone cold ({stat.storage_class}) and cannot be read: "
            f"{warm} has it restored"
        )


def _row(entry: Entry) -> list[object]:
    return [
        entry.path,
        entry.source.kind,
        entry.source.size,
        entry.sha256,
        entry.md5,
        entry.source.content_type,
        entry.source.upload_date,
        entry.version,
        entry.key,
    ]
