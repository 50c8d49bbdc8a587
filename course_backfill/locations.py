"""Locations: the configured destinations, and where things lie inside them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict

from course_backfill.addresses import Address, server_of
from course_backfill.cold.storage import ARCHIVE_CLASSES, STANDARD
from course_backfill.courses import CourseId
from course_backfill.ingest_states import allotted_version
from course_backfill.ingests import PRIMARY, Ingest
from course_backfill.records import Record
from course_backfill.settings_values import Bucket, Url, shaped

LocationId = Annotated[
    str,
    shaped(
        r"[a-z][a-z0-9-]{0,31}",
        "1 to 32 lower-case letters, digits and hyphens, a letter first",
    ),
]
Prefix = Annotated[
    str,
    shaped(
        r"(?=.{0,128}$)([A-Za-z0-9!_.*'()-]+/)*",
        "nothing, or folders of letters, digits and !_.*'()- that each end in /, at most 128 long",
    ),
]
Region = Annotated[str, shaped(r"[a-z]{2,}(-[a-z0-9]+)+", "a region such as eu-west-1")]
RoleArn = Annotated[
    str,
    shaped(
        r"arn:[a-z-]+:iam::[0-9]{12}:role/[!-~]+",
        "the ARN of a role, such as arn:aws:iam::123456789012:role/backfill",
    ),
]

StorageClassName = Literal[
    "STANDARD",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
]


class Location(Record):
    """One destination: a bucket, a prefix inside it, and how the bucket is reached."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: LocationId = PRIMARY
    """How requests and reports name it: lower-case letters, digits and hyphens, a letter first."""
    bucket: Bucket
    """Its bucket: not the work bucket."""
    prefix: Prefix = ""
    """Where in the bucket its keys begin: nothing, or folders that each end in /."""
    provider: Literal["amazon-s3"] = "amazon-s3"
    """What it is: S3, or what speaks S3's protocol."""
    storage_class: StorageClassName = STANDARD
    """Of the content. Manifest files are always STANDARD: they are read without restoring."""
    region: Region | None = None
    """The bucket's, where it is not that of the tables and queues."""
    endpoint_url: Url | None = None
    """Where S3 answers for this bucket, if not where it does for the others."""
    role_arn: RoleArn | None = None
    """The role to assume for this bucket."""
    required: bool = True
    """Whether ingests fill it without being asked, and a version needs it to be registered."""

    @property
    def is_archive(self) -> bool:
        """Whether content is written cold: stored checksums verify it, and nobody reads it."""
        return self.storage_class in ARCHIVE_CLASSES

    def address(self, endpoint_url: str | None) -> Address:
        """Where its objects lie; `endpoint_url` is that of the installation."""
        server = server_of(self.endpoint_url or endpoint_url)
        is_elsewhere = server != server_of(endpoint_url)
        return Address(
            bucket=self.bucket, prefix=self.prefix, server=server if is_elsewhere else None
        )

    def course_prefix(self, course: CourseId) -> str:
        """The prefix, ending in `/`, of all versions of a course."""
        return f"{self.prefix}courses/{str(course).replace('/', '%2F')}/"

    def version_prefix(self, course: CourseId, version: str) -> str:
        """The prefix, ending in `/`, that one version of a course owns."""
        return f"{self.course_prefix(course)}{version}/"

    def prefix_of(self, ingest: Ingest) -> str:
        """The prefix of the version that an ingest makes; raises Fenced before it has one."""
        return self.version_prefix(CourseId.parse(ingest.course), allotted_version(ingest))


def is_copied_inside(source: Location, target: Location) -> bool:
    """Whether S3 copies between them by itself: one endpoint, and one set of credentials."""
    return (source.endpoint_url, source.role_arn) == (target.endpoint_url, target.role_arn)


def inventory_key(ingest: str, attempt: int) -> str:
    """Work bucket: the sorted inventory that one attempt at planning took."""
    return f"ingests/{ingest}/inventory.{attempt}.jsonl"


def result_key(ingest: str, replica: str, packet: int, attempt: str, step: str) -> str:
    """Work bucket: what one attempt at a packet found; `attempt` makes the name its own."""
    return f"ingests/{ingest}/results/{replica}/{packet:06d}.{attempt}.{step}.jsonl"


def expected_key(ingest: str, replica: str, attempt: str) -> str:
    """Work bucket: what a replica must hold, as one attempt at planning found it."""
    return f"ingests/{ingest}/expected/{replica}.{attempt}.jsonl"


def failures_key(ingest: str) -> str:
    """Work bucket: every failed object of an ingest; kept when the rest of the work expires."""
    return f"failures/{ingest}.jsonl"
