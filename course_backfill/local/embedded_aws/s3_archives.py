"""Objects that can lie in an archive, where they are to be restored before they are read."""

from datetime import UTC, datetime
from typing import Any

from moto.s3 import notifications
from moto.s3.exceptions import InvalidObjectState, MissingBucket
from moto.s3.models import FakeKey, s3_backends
from moto.s3.notifications import S3NotificationEvent
from moto.s3.utils import ARCHIVE_STORAGE_CLASSES

from course_backfill.local.embedded_aws.restores import Restoration

TIERS = {"ARCHIVE_ACCESS": "GLACIER", "DEEP_ARCHIVE_ACCESS": "DEEP_ARCHIVE"}
"""Archive tiers of INTELLIGENT_TIERING, with the storage class that is restored like them."""


class ArchivableObject(FakeKey):
    """moto's object with the restores of S3, where moto's own never end and know no tier."""

    restoration: Restoration | None = None
    archive_tier: str | None = None
    """Of TIERS, where an INTELLIGENT_TIERING object lies in one."""

    @property
    def archive(self) -> str | None:
        """GLACIER or DEEP_ARCHIVE, by how it is restored; None where it is in no archive."""
        if self.archive_tier is not None:
            return TIERS[self.archive_tier]
        return self.storage_class if self.storage_class in ARCHIVE_STORAGE_CLASSES else None

    @property
    def is_cold(self) -> bool:
        """Whether it cannot be read now."""
        return self.archive is not None and (self.restoration is None or self.restoration.under_way)

    @property
    def copy_expires(self) -> datetime | None:
        """When the restored copy goes; None where there is none."""
        if self.restoration is None or self.restoration.expires_at is None:
            return None
        return datetime.fromtimestamp(self.restoration.expires_at, UTC)

    @property
    def response_dict(self) -> dict[str, Any]:
        headers = super().response_dict
        if self.archive_tier is not None:
            headers["x-amz-archive-status"] = self.archive_tier
        if self.restoration is not None and self.restoration.under_way:
            headers["x-amz-restore"] = 'ongoing-request="true"'
        elif (expires := self.copy_expires) is not None:
            date = f"{expires:%a, %d %b %Y %H:%M:%S} GMT"
            headers["x-amz-restore"] = f'ongoing-request="false", expiry-date="{date}"'
        return headers

    def require_active(
        self, message: str = "The operation is not valid for the object's storage class"
    ) -> None:
        """Raises InvalidObjectState where it cannot be read now."""
        if self.is_cold:
            raise ColdObject(message, self.storage_class, self.archive_tier)

    def move_to_archive(self, where: str) -> bool:
        """Moves it as a lifecycle rule would; False where it is there or colder already."""
        if where in TIERS:
            stays = self.storage_class != "INTELLIGENT_TIERING"
            stays = stays or self.archive_tier in (where, "DEEP_ARCHIVE_ACCESS")
        else:
            stays = self.storage_class in (where, "DEEP_ARCHIVE")
        if stays:
            return False
        if where in TIERS:
            self.archive_tier = where
        else:
            self.set_storage_class(where)
            self.archive_tier = None
        self.restoration = None
        return True

    def restored(self) -> None:
        """What was in a tier is in none afterwards; of others there is a copy for some days."""
        if self.archive_tier is not None:
            self.archive_tier, self.restoration = None, None
        self.announce(S3NotificationEvent.OBJECT_RESTORE_COMPLETED_EVENT)

    def expired(self) -> None:
        """The restored copy is gone."""
        self.announce(S3NotificationEvent.OBJECT_RESTORE_DELETE_EVENT)

    def announce(self, event: S3NotificationEvent) -> None:
        """Sends the event where the bucket wants it and the object is in it still."""
        try:
            bucket = s3_backends[self.account_id][self.partition].get_bucket(str(self.bucket_name))
        except MissingBucket:
            return
        if any(key is self for key in bucket.keys.getlist(self.name, [])):
            notifications.send_event(bucket.account_id, event, bucket, self)


class ColdObject(InvalidObjectState):
    """An object that must be restored first; names its tier, which moto does not know."""

    def __init__(self, message: str, storage_class: str | None, access_tier: str | None) -> None:
        super().__init__(storage_class)
        self.message = message
        self.access_tier = access_tier
