"""The parameters that routes take from paths, queries and headers, each described once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Header, Path, Query
from pydantic import AfterValidator, Field

from course_backfill.courses import CourseId, CourseStatus, version_number
from course_backfill.errors import InvalidInput
from course_backfill.ingests import IngestStatus, Stage
from course_backfill.inventory import KIND_FOLDERS
from course_backfill.messages import SERVICES

DEFAULT_LIMIT = 50
MAX_LIMIT = 1_000


def _checked(check: Callable[[str], str]) -> AfterValidator:
    """Turns the domain's refusal into one that is collected with all others of the request."""

    def validate(text: str) -> str:
        try:
            text.encode()
            return check(text)
        except InvalidInput as refusal:
            raise ValueError("; ".join(one.detail for one in refusal.problems)) from None
        except UnicodeEncodeError:
            raise ValueError("expected Unicode text") from None

    return AfterValidator(validate)


def _course(text: str) -> str:
    return str(CourseId.parse(text))


def _course_of_query(text: str) -> str:
    # `+` stands for a space in a query; no course key has one, and people write the `+` as it is.
    return _course(text.replace(" ", "+"))


def _version(text: str) -> str:
    return f"v{version_number(text)}"


def _kind(text: str) -> str:
    if text not in KIND_FOLDERS:
        raise ValueError(f"expected one of {', '.join(KIND_FOLDERS)}")
    return text


def _service(text: str) -> str:
    if text not in SERVICES:
        raise ValueError(f"expected one of {', '.join(SERVICES)}")
    return text


_ID = Field(pattern=r"^[A-Za-z0-9-]{1,64}$")
_TEXT = _checked(str)

CoursePath = Annotated[
    str,
    _checked(_course),
    Path(
        description="The course's key, as it is or percent-encoded; `+` means itself. The old "
        "form's two slashes may stay."
    ),
]
IngestPath = Annotated[str, _ID, Path(description="The ingest's id.")]
DiscoveryPath = Annotated[str, _ID, Path(description="The discovery's id.")]
VersionPath = Annotated[str, _checked(_version), Path(description="A version such as `v1`.")]
EntryPath = Annotated[
    str, _TEXT, Path(description="The entry's `path`, percent-encoded; its slashes may stay.")
]

CourseQuery = Annotated[
    str | None, _checked(_course_of_query), Query(description="Only of this course.")
]
IngestQuery = Annotated[str | None, _ID, Query(description="Only of this ingest.")]
IngestStatusQuery = Annotated[IngestStatus | None, Query(description="Only of this status.")]
StageQuery = Annotated[Stage | None, Query(description="Only in this stage.")]
CourseStatusQuery = Annotated[CourseStatus | None, Query(description="Only of this status.")]
ServiceQuery = Annotated[str | None, _checked(_service), Query(description="Only of this service.")]
OrgQuery = Annotated[str | None, _TEXT, Query(description="Only courses of this organisation.")]
LocationQuery = Annotated[
    str | None, _TEXT, Query(description="Hold courses against this location alone.")
]
KindQuery = Annotated[
    str | None,
    _checked(_kind),
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
