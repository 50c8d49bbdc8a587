"""What the probe tries of S3 between locations: copies, replacing on a condition, restores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from course_backfill.adapters.aws_errors import S3, error_code
from course_backfill.adapters.probe_cleaning import remove_all
from course_backfill.adapters.probe_objects import CONTENT, OTHER_CONTENT
from course_backfill.adapters.probe_trials import ProbeFailed, Trial, expect_equal, expect_refusal

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CONDITION = {"PreconditionFailed"}
_NO_ETAG = '"00000000000000000000000000000000"'
_OVERWRITES = "Do not copy to this location: a copy would overwrite existing objects"
_NOT_PINNED = "Do not copy to this location: a copy may be of another state of its source"
_NOT_REPAIRED = "Replace damaged objects by hand: a repair could overwrite what others wrote"
_NO_STATUS = "Do not choose an archive class here: what is restored would not be found"


@dataclass(frozen=True, slots=True)
class Spot:
    """A prefix of the probe's own in one bucket."""

    client: S3Client
    bucket: str
    prefix: str


class CopyTrials:
    """The trials of one location; copies come from `source`, the primary where S3 copies itself."""

    def __init__(self, source: Spot, target: Spot, *, is_archive: bool) -> None:
        self._source = source
        self._target = target
        self._is_archive = is_archive

    def trials(self) -> Iterator[Trial]:
        """In the order in which they are to run: later ones look at what earlier ones wrote."""
        origin = f" from {self._source.bucket}" if self._source != self._target else ""
        yield self._trial(f"create-only copy{origin}", _OVERWRITES, self._create_only)
        yield self._trial(f"copy of one state{origin}", _NOT_PINNED, self._pinned)
        yield self._trial("replacing one state", _NOT_REPAIRED, self._replacing)
        yield self._trial("restores in listings", _NO_STATUS, self._restores)

    def cleaning(self) -> Trial:
        """Removes what was written to both buckets."""
        action = "Allow these credentials to delete; remove what begins with " + " and ".join(
            f"{spot.prefix} in {spot.bucket}" for spot in self._spots()
        )
        return self._trial("removing copies again", action, self._clean)

    def _trial(self, name: str, action: str, run: Callable[[], str]) -> Trial:
        return Trial(f"{self._target.bucket}: {name}", action, S3, run)

    def _create_only(self) -> str:
        etag = self._put_source()
        self._copy("copy", etag)
        expect_equal("the copy", self._content("copy"), CONTENT)
        target = self._target
        target.client.put_object(
            Bucket=target.bucket, Key=f"{target.prefix}taken", Body=OTHER_CONTENT
        )
        code = expect_refusal(_CONDITION, lambda: self._copy("taken", etag))
        if self._content("taken") != OTHER_CONTENT:
            raise ProbeFailed("was refused, yet the object was overwritten")
        return f"a copy onto an object was refused with {code}"

    def _pinned(self) -> str:
        self._put_source()
        code = expect_refusal(_CONDITION, lambda: self._copy("pinned", _NO_ETAG))
        return f"a copy of another state was refused with {code}"

    def _replacing(self) -> str:
        client, bucket = self._target.client, self._target.bucket
        key = f"{self._target.prefix}replaced"
        etag = client.put_object(Bucket=bucket, Key=key, Body=OTHER_CONTENT)["ETag"]
        client.put_object(Bucket=bucket, Key=key, Body=CONTENT, IfMatch=etag)
        code = expect_refusal(
            _CONDITION,
            lambda: client.put_object(Bucket=bucket, Key=key, Body=OTHER_CONTENT, IfMatch=etag),
        )
        expect_equal("what is there now", self._content("replaced"), CONTENT)
        return f"replacing another state was refused with {code}"

    def _restores(self) -> str:
        try:
            self._target.client.list_objects_v2(
                Bucket=self._target.bucket,
                Prefix=self._target.prefix,
                OptionalObjectAttributes=["RestoreStatus"],
            )
        except ClientError as error:
            if self._is_archive:
                raise
            return f"not offered ({error_code(error)}), and not needed: nothing here is archived"
        return "can be asked for"

    def _put_source(self) -> str:
        source = self._source
        return source.client.put_object(
            Bucket=source.bucket, Key=f"{source.prefix}source", Body=CONTENT
        )["ETag"]

    def _copy(self, name: str, etag: str) -> Mapping[str, Any]:
        return self._target.client.copy_object(
            Bucket=self._target.bucket,
            Key=self._target.prefix + name,
            CopySource={"Bucket": self._source.bucket, "Key": f"{self._source.prefix}source"},
            CopySourceIfMatch=etag,
            IfNoneMatch="*",
        )

    def _content(self, name: str) -> bytes:
        key = self._target.prefix + name
        return self._target.client.get_object(Bucket=self._target.bucket, Key=key)["Body"].read()

    def _clean(self) -> str:
        return "; ".join(
            f"{spot.bucket}: {remove_all(spot.client, spot.bucket, spot.prefix)}"
            for spot in self._spots()
        )

    def _spots(self) -> list[Spot]:
        return [self._target] if self._source == self._target else [self._target, self._source]
