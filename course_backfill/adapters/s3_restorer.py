"""Restores archived objects: asks S3 for copies, and never waits for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from course_backfill.adapters.aws_errors import error_code
from course_backfill.adapters.s3_clients import S3Clients
from course_backfill.adapters.s3_errors import MISSING, not_found, place, s3_errors
from course_backfill.cold.storage import Tier
from course_backfill.errors import ExpeditedUnavailable, StorageRefused

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import RestoreRequestTypeDef

_UNDER_WAY: Final = "RestoreAlreadyInProgress"
_WARM = frozenset({"InvalidObjectState", "ObjectAlreadyInActiveTierError"})
_NO_CAPACITY: Final = "GlacierExpeditedRetrievalNotAvailable"
_NOT_FASTER = frozenset({_UNDER_WAY, "InvalidArgument", "InvalidRequest", "MalformedXML"})
"""Answers to a request for more speed, none of which touches the restore that is under way."""


class S3ObjectRestorer:
    """The ObjectRestorer of one bucket."""

    def __init__(self, clients: S3Clients, bucket: str) -> None:
        self._clients = clients
        self._bucket = bucket

    def restore(self, key: str, *, days: int | None, tier: Tier) -> None:
        """See ObjectRestorer; StorageRefused also where the class does not offer the tier."""
        faster: RestoreRequestTypeDef = {"GlacierJobParameters": {"Tier": tier.value}}
        request: RestoreRequestTypeDef = faster if days is None else {**faster, "Days": days}
        with s3_errors("restore", self._bucket, key):
            is_under_way = self._ask(key, request, frozenset({_UNDER_WAY}))
            if is_under_way and days is not None and tier is not Tier.BULK:
                # S3 takes more speed only with the days that the restore was asked for with, or
                # with none; it says neither these nor how fast it is.
                self._ask(key, faster, _NOT_FASTER)

    def _ask(self, key: str, request: RestoreRequestTypeDef, tolerated: frozenset[str]) -> bool:
        """Whether it was answered with one of the tolerated codes."""
        try:
            self._clients.boto.restore_object(Bucket=self._bucket, Key=key, RestoreRequest=request)
        except ClientError as error:
            code = error_code(error)
            if code in tolerated:
                return True
            if code in _WARM:
                return False
            if code in MISSING:
                raise not_found(self._bucket, key) from error
            if code == _NO_CAPACITY:
                raise ExpeditedUnavailable(
                    f"S3 has no capacity to restore {place(self._bucket, key)} expedited"
                ) from error
            if code == "AccessDenied":
                raise StorageRefused(
                    f"S3 refused to restore {place(self._bucket, key)} (AccessDenied): "
                    "allow these credentials s3:RestoreObject on the bucket"
                ) from error
            raise
        return False
