"""The body of a request for an ingest: everything that can be wrong with it, found at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo
from pydantic.alias_generators import to_camel

from course_backfill.callbacks import CallbackRules
from course_backfill.inventory import CONTENT_KINDS
from services.ingests_api.checks import checked, collected, course_key

SomeNames = Annotated[tuple[str, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Available:
    """What an installation has; requests for anything else are refused, saying what there is."""

    locations: tuple[str, ...]
    callback_rules: CallbackRules | None


class Asked(BaseModel):
    """The base of what is asked for: camelCase, no unknown field, no value of another type."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, populate_by_name=True, extra="forbid", strict=True
    )


def _callback_url(url: str, info: ValidationInfo) -> str:
    rules = _available(info).callback_rules
    if rules is None:
        raise ValueError(
            "callbacks are not available: this installation has no key to sign them with "
            "(COURSE_BACKFILL_CALLBACK_SECRET)"
        )
    collected(lambda: rules.parse(url))
    return url


def _locations(wanted: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
    return wanted and _among(wanted, _available(info).locations)


def _content(wanted: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return wanted and _among(wanted, tuple(CONTENT_KINDS))


def _not_yet(value: bool) -> bool:
    if value:
        raise ValueError("not available yet: versions are registered, not switched live")
    return value


def _for_dry_runs(value: bool, info: ValidationInfo) -> bool:
    if value and info.data.get("dry_run") is False:
        raise ValueError("only with dryRun: an ingest reads every byte anyway")
    return value


class Nothing(Asked):
    """The body of a request that says everything by its path: an empty object, or none."""


class AskedIngestType(Asked):
    """What kind of work is asked for."""

    type: Literal["IngestType"] = "IngestType"
    id: Literal["backfill-course"]


class AskedCourse(Asked):
    """The course to backfill."""

    type: Literal["Course"] = "Course"
    id: Annotated[str, checked(course_key), Field(examples=["course-v1:OpenedX+DemoX+DemoCourse"])]


class AskedProvider(Asked):
    """What kind of storage the content is in now."""

    type: Literal["Provider"] = "Provider"
    id: Literal["mongodb"]


class AskedSource(Asked):
    """Where the content is now."""

    type: Literal["Location"] = "Location"
    provider: AskedProvider


class AskedCallback(Asked):
    """Whom to tell when the ingest has ended."""

    type: Literal["Callback"] = "Callback"
    url: Annotated[
        str,
        AfterValidator(_callback_url),
        Field(description="https, port 443, a public host; or a host that the operator named."),
    ]


class IngestRequest(Asked):
    """Asks for one course to be backfilled. Only `ingestType` and `course` are required."""

    type: Literal["Ingest"] = "Ingest"
    ingest_type: AskedIngestType
    course: AskedCourse
    source_location: AskedSource | None = None
    locations: Annotated[
        SomeNames | None,
        AfterValidator(_locations),
        Field(description="Default: every configured location."),
    ] = None
    content: Annotated[
        SomeNames | None,
        AfterValidator(_content),
        Field(description=f"Of {', '.join(CONTENT_KINDS)}. Default: all of these."),
    ] = None
    dry_run: bool = Field(
        default=False, description="Report what an ingest would meet; copy nothing."
    )
    read_source: Annotated[bool, AfterValidator(_for_dry_runs)] = Field(
        default=False, description="With dryRun: read every byte, so that all bad files are found."
    )
    on_failure: Literal["rollback", "keep"] = Field(
        default="rollback", description="keep: what was copied waits for a retry."
    )
    corrupt_objects: Literal["fail", "record"] = Field(
        default="fail", description="record: copy the rest, list the bad ones as exceptions."
    )
    go_live: Annotated[bool, AfterValidator(_not_yet)] = Field(
        default=False, description="Not available yet."
    )
    callback: AskedCallback | None = None


def _available(info: ValidationInfo) -> Available:
    context: Mapping[str, Any] = info.context or {}
    available = context.get("available")
    if not isinstance(available, Available):
        raise TypeError("a request is checked against what is available")
    return available


def _among(wanted: tuple[str, ...], available: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(wanted)) < len(wanted):
        raise ValueError("each at most once")
    unknown = [one for one in wanted if one not in available]
    if unknown:
        names = ", ".join(repr(one[:64]) for one in unknown)
        raise ValueError(f"{names} not available; available: {', '.join(available)}")
    return wanted
