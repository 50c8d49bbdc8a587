"""RestoreObject as S3 answers it."""

import time
from typing import Any
from xml.etree import ElementTree

from moto.core.common_types import TYPE_RESPONSE
from moto.s3.exceptions import MalformedXML, MissingKey, MissingVersion
from moto.s3.models import FakeDeleteMarker
from moto.s3.notifications import S3NotificationEvent
from moto.s3.responses import S3Response

from course_backfill.local.embedded_aws.restores import SPEEDS, Restoration, RestoreSchedule
from course_backfill.local.embedded_aws.s3_archives import ArchivableObject
from course_backfill.local.embedded_aws.s3_errors import S3Refusal

SCHEDULE = RestoreSchedule()
"""The restores of this process."""


class RestoreCalls(S3Response):
    """A mixin of EmbeddedS3Response, which sends calls here."""

    def restore_object(self) -> TYPE_RESPONSE:
        """202 where a restore begins or goes on faster, 200 where the days of a copy begin anew."""
        tier, days = _wanted(self.raw_body)
        archived = self._archived()
        _require_fitting(archived, tier, days)
        running = archived.restoration
        status = 202
        if running is None:
            archived.restoration = Restoration(tier, days, time.time())
            archived.announce(S3NotificationEvent.OBJECT_RESTORE_POST_EVENT)
        elif not running.under_way and days is not None:
            running.keep(days, time.time())
            status = 200
        elif SPEEDS[tier] > SPEEDS[running.tier] and days == running.days:
            running.tier = tier
        else:
            message = "Object restore is already in progress"
            raise S3Refusal(409, "RestoreAlreadyInProgress", message)
        SCHEDULE.place(archived)
        return status, {}, ""

    def _archived(self) -> ArchivableObject:
        version = self.querystring.get("versionId", [None])[0]
        key_name = self.parse_key_name()
        found: Any = self.backend.get_object(
            self.bucket_name, key_name, version_id=version, return_delete_marker=version is not None
        )
        if isinstance(found, FakeDeleteMarker):
            message = "The specified method is not allowed against this resource."
            raise S3Refusal(405, "MethodNotAllowed", message)
        if not isinstance(found, ArchivableObject):
            raise MissingVersion(key_name, version) if version else MissingKey(key_name)
        return found


def _wanted(body: bytes) -> tuple[str, int | None]:
    """Tier and days of a RestoreRequest."""
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - loopback only; S3 takes XML here.
    except ElementTree.ParseError:
        raise MalformedXML() from None
    fields = {element.tag.rpartition("}")[2]: element.text or "" for element in root.iter()}
    tier, days = fields.get("Tier", "Standard"), fields.get("Days")
    if "RestoreRequest" not in fields or tier not in SPEEDS:
        raise MalformedXML()
    if days is not None and (not days.isdecimal() or int(days) < 1):
        raise S3Refusal(400, "InvalidArgument", "restoration days should be at least 1")
    return tier, None if days is None else int(days)


def _require_fitting(archived: ArchivableObject, tier: str, days: int | None) -> None:
    if archived.storage_class == "INTELLIGENT_TIERING":
        if days is not None:
            message = (
                "INTELLIGENT_TIERING objects are not subject to restore expiry. "
                "Do not specify Days when restoring this object"
            )
            raise S3Refusal(400, "InvalidArgument", message)
        if archived.archive is None:
            message = "This action is not allowed against this storage tier."
            raise S3Refusal(403, "ObjectAlreadyInActiveTierError", message)
    elif archived.archive is None:
        message = "Restore is not allowed for the object's current storage class"
        raise S3Refusal(403, "InvalidObjectState", message)
    elif days is None:
        raise MalformedXML()
    if tier == "Expedited" and archived.archive == "DEEP_ARCHIVE":
        message = "Retrieval option is not supported by this storage class"
        raise S3Refusal(400, "InvalidArgument", message)
    if tier == "Expedited" and SCHEDULE.pace.expedited == "unavailable":
        message = "Glacier expedited retrievals are currently not available, please try again later"
        raise S3Refusal(503, "GlacierExpeditedRetrievalNotAvailable", message)
