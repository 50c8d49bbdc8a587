"""The parameters that routes take from paths, queries and headers, each described once."""

from __future__ import annotations

import re
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Header, Path, Query
from pydantic import Field

from course_backfill.courses import CourseStatus
from course_backfill.ingests import IngestStatus, Stage
from course_backfill.inventory import KIND_FOLDERS
from course_backfill.messages import SERVICES
from services.ingests_api.checks import checked, course_key, service_name, version_name

DEFAULT_LIMIT = 50
MAX_LIMIT = 1_000
ID_PATTERN = "^[A-Za-z0-9-]{1,64}$"
VERSION_PATTERN = "^v[1-9][0-9]{0,8}$"


def _course_of(text: str) -> str:
    # `+` stands for a space in a query, and some gateways take it for one in a path; no course key
    # has a space, and people write the `+` as it is.
    return course_key(text.replace(" ", "+"))


def _id(text: str) -> str:
    if not re.fullmatch(ID_PATTERN, text):
        raise ValueError("expected an id: at most 64 letters, digits and hyphens")
    return text


def _kind(text: str) -> str:
    if text not in KIND_FOLDERS:
        raise ValueError(f"expected one of {', '.join(KIND_FOLDERS)}")
    return text


Id = Annotated[str, checked(_id), Field(json_schema_extra={"pattern": ID_PATTERN})]
ServiceName = Annotated[
    str, checked(service_name), Field(json_schema_extra={"enum": list(SERVICES)})
]
VersionName = Annotated[
    str, checked(version_name), Field(json_schema_extra={"pattern": VERSION_PATTERN})
]
Kind = Annotated[str, checked(_kind), Field(json_schema_extra={"enum": list(KIND_FOLDERS)})]

_TEXT = checked(str)

CoursePath = Annotated[
    str,
    checked(_course_of),
    Path(
        description="The course's key, as it is or percent-encoded; `+` means itself. The old "
        "form's two slashes may stay."
    ),
]
IngestPath = Annotated[Id, Path(description="The ingest's id.")]
DiscoveryPath = Annotated[Id, Path(description="The discovery's id.")]
VersionPath = Annotated[VersionName, Path(description="A version such as `v1`.")]
EntryPath = Annotated[
    str, _TEXT, Path(description="The entry's `path`, percent-encoded; its slashes may stay.")
]
EntryQuery = Annotated[str, _TEXT, Query(alias="path", description="The entry's `path`.")]

CourseQuery = Annotated[str | None, checked(_course_of), Query(description="Only of this course.")]
IngestQuery = Annotated[Id | None, Query(description="Only of this ingest.")]
IngestStatusQuery = Annotated[IngestStatus | None, Query(description="Only of this status.")]
StageQuery = Annotated[Stage | None, Query(description="Only in this stage.")]
CourseStatusQuery = Annotated[CourseStatus | None, Query(description="Only of this status.")]
ServiceQuery = Annotated[ServiceName | None, Query(description="Only of this service.")]
OrgQuery = Annotated[str | None, _TEXT, Query(description="Only courses of this organisation.")]
LocationQuery = Annotated[
    str | None, _TEXT, Query(description="Hold courses against this location alone.")
]
KindQuery = Annotated[
    Kind | None,
    Query(description=f"Only of this kind: {', '.join(KIND_FOLDERS)}."),
]
PrefixQuery = Annotated[str | None, _TEXT, Query(description="Only paths that begin so.")]
Limit = Annotated[
    int | None,
    Field(ge=1, le=MAX_LIMIT),
    Query(description=f"At most so many results; {DEFAULT_LIMIT} if absent."),
]
IngestLimit = Annotated[
    int | None,
    Field(ge=1, le=100),
    Query(description=f"At most so many results, 100 at most; {DEFAULT_LIMIT} if absent."),
]
CsvLimit = Annotated[
    int | None,
    Field(ge=1, le=20_000),
    Query(
        description=f"At most so many rows; if absent, {DEFAULT_LIMIT} of JSON and as many as one "
        "answer holds of CSV."
    ),
]
Cursor = Annotated[str | None, Query(description="The `nextCursor` of the page before.")]
IdempotencyKey = Annotated[
    str | None,
    Field(min_length=1, max_length=512),
    Header(
        alias="Idempotency-Key",
        description="Makes a repeat safe: the same key and body give the same ingest.",
    ),
]
