"""The body of a request for an ingest: everything that can be wrong with it, found at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo
from pydantic.alias_generators import to_camel

from course_backfill.audits import Method
from course_backfill.callbacks import CallbackRules
from course_backfill.cold.storage import Tier
from course_backfill.ingests import PRIMARY
from course_backfill.inventory import CONTENT_KINDS
from course_backfill.tasks import IngestType
from services.ingests_api.checks import checked, collected, course_key
from services.ingests_api.parameters import VersionName

SomeNames = Annotated[tuple[str, ...], Field(min_length=1)]
Content = Annotated[str, Field(json_schema_extra={"enum": list(CONTENT_KINDS)})]
SomeContent = Annotated[tuple[Content, ...], Field(min_length=1)]


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
            "(COURSE_BACKFILL_CALLBACK_SECRET or COURSE_BACKFILL_CALLBACK_SECRET_NAME)"
        )
    collected(lambda: rules.parse(url))
    return url


def _locations(wanted: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
    source = info.data.get("source_location")
    if source is not None and source.provider.id == "amazon-s3":
        read = source.id or PRIMARY
        if wanted is not None and set(wanted) == {read}:
            raise ValueError(f"{read} is what is read: name another location to bring it to")
    return wanted and _among(wanted, _available(info).locations)


def _content(wanted: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return wanted and _among(wanted, tuple(CONTENT_KINDS))


def _whole_cents(cost: float | None) -> float | None:
    if cost is not None and round(cost, 2) != cost:
        raise ValueError("at most two decimals: costs are rounded up to cents")
    return cost


def _not_yet(value: bool) -> bool:
    if value:
        raise ValueError("not available yet: versions are registered, not switched live")
    return value


def _for_dry_runs(value: bool, info: ValidationInfo) -> bool:
    if value and info.data.get("dry_run") is False:
        raise ValueError("only with dryRun: an ingest reads every byte anyway")
    return value


def only_for(*types: str) -> AfterValidator:
    """Refuses a field where it is given with a type of ingest that has no use for it."""

    def check(value: Any, info: ValidationInfo) -> Any:
        asked = info.data.get("ingest_type")
        if asked is not None and asked.id not in types:
            raise ValueError(f"only with ingestType {' or '.join(types)}")
        return value

    return AfterValidator(check)


def _from_source(value: Any, info: ValidationInfo) -> Any:
    source = info.data.get("source_location")
    if source is not None and source.provider.id != "mongodb":
        raise ValueError("only where the source is mongodb: registered versions stay as they are")
    return value


class Nothing(Asked):
    """The body of a request that says everything by its path: an empty object, or none."""


class AskedIngestType(Asked):
    """What kind of work is asked for."""

    type: Literal["IngestType"] = "IngestType"
    id: Literal["backfill-course", "audit-course", "warm-course"]


class AskedCourse(Asked):
    """The course that it is about."""

    type: Literal["Course"] = "Course"
    id: Annotated[str, checked(course_key), Field(examples=["course-v1:OpenedX+DemoX+DemoCourse"])]


class AskedProvider(Asked):
    """What kind of storage the content is in now."""

    type: Literal["Provider"] = "Provider"
    id: Literal["mongodb", "amazon-s3"]


def _source_location(wanted: str | None, info: ValidationInfo) -> str | None:
    provider = info.data.get("provider")
    if wanted is not None and provider is not None and provider.id != "amazon-s3":
        raise ValueError("only with the provider amazon-s3")
    return wanted and _among((wanted,), _available(info).locations)[0]


class AskedSource(Asked):
    """Where the content is read from: MongoDB, or a location that has it already."""

    type: Literal["Location"] = "Location"
    provider: AskedProvider
    id: Annotated[
        str | None,
        AfterValidator(_source_location),
        Field(description="With amazon-s3: the location to copy from. Default: the primary."),
    ] = None


class AskedCallback(Asked):
    """Whom to tell when the ingest has ended."""

    type: Literal["Callback"] = "Callback"
    url: Annotated[
        str,
        AfterValidator(_callback_url),
        Field(description="https, port 443, a public host; or a host that the operator named."),
    ]


BACKFILL, AUDIT, WARM = IngestType


class IngestRequest(Asked):
    """Asks for one course to be backfilled, audited or warmed.

    Only `ingestType` and `course` are required.
    """

    type: Literal["Ingest"] = "Ingest"
    ingest_type: AskedIngestType
    course: AskedCourse
    source_location: Annotated[AskedSource | None, only_for(BACKFILL)] = None
    version: Annotated[
        Annotated[VersionName, Field(examples=["v1"])] | None,
        only_for(WARM),
        Field(description="The registered version to warm. Default: the latest."),
    ] = None
    locations: Annotated[
        SomeNames | None,
        AfterValidator(_locations),
        Field(
            description="To backfill from MongoDB: besides the required ones, which are always "
            "filled. Default: to backfill the required ones, to audit all, to warm the primary."
        ),
    ] = None
    content: Annotated[
        SomeContent | None,
        AfterValidator(_content),
        only_for(BACKFILL),
        AfterValidator(_from_source),
        Field(description=f"Of {', '.join(CONTENT_KINDS)}. Default: all of these."),
    ] = None
    dry_run: Annotated[bool, only_for(BACKFILL, WARM)] = Field(
        default=False, description="Report what an ingest would meet; copy and restore nothing."
    )
    read_source: Annotated[
        bool, only_for(BACKFILL), AfterValidator(_from_source), AfterValidator(_for_dry_runs)
    ] = Field(
        default=False, description="With dryRun: read every byte, so that all bad files are found."
    )
    on_failure: Annotated[Literal["rollback", "keep"], only_for(BACKFILL)] = Field(
        default="rollback", description="keep: what was copied waits for a retry."
    )
    corrupt_objects: Annotated[
        Literal["fail", "record"], only_for(BACKFILL), AfterValidator(_from_source)
    ] = Field(default="fail", description="record: copy the rest, list the bad ones as exceptions.")
    restore_tier: Tier | None = Field(
        default=None,
        strict=False,
        description="How fast cold objects are restored. Default: the installation's.",
    )
    restore_days: Annotated[int, Field(ge=1, le=365)] | None = Field(
        default=None, description="How long restored copies last. Default: the installation's."
    )
    max_cost: Annotated[
        Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] | None,
        AfterValidator(_whole_cents),
    ] = Field(
        default=None,
        strict=False,
        description="Refuse to restore for more, by the installation's price table. Whole cents.",
    )
    method: Annotated[Method | None, only_for(AUDIT)] = Field(
        default=None,
        description="bytes: read every copy; checksums: trust what S3 stored, where it did. "
        "Default: bytes.",
    )
    warm: Annotated[bool, only_for(AUDIT)] = Field(
        default=False, description="Restore what is cold, to read it; otherwise it stays unread."
    )
    go_live: Annotated[bool, only_for(BACKFILL), AfterValidator(_not_yet)] = Field(
        default=False, description="Not available yet."
    )
    callback: AskedCallback | None = None


class RestoreTierRequest(Asked):
    """Asks for restores that are under way to be sped up."""

    tier: Tier = Field(strict=False, description="Bulk, Standard or Expedited.")


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
