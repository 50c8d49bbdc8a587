"""What tests order over HTTP, beside AWS's own calls: faults, the pace of restores, archiving.

`POST` with a JSON object: `/_faults` (see faults.Fault; `DELETE` forgets all), `/_restores` (see
restores.RestorePace) and `/_archive` (see ArchiveOrder; the answer says how many objects moved).
"""

import json
from typing import Literal

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.exceptions import MissingBucket
from moto.s3.models import s3_backends
from pydantic import BaseModel, Field

from course_backfill.local.embedded_aws import faults, restores
from course_backfill.local.embedded_aws.moto_calls import Answer
from course_backfill.local.embedded_aws.s3_archives import ArchivableObject
from course_backfill.local.embedded_aws.s3_restores import SCHEDULE

ARCHIVE = "/_archive"
PATHS = frozenset({faults.PATH, restores.PATH, ARCHIVE})


class ArchiveOrder(BaseModel, extra="forbid"):
    """Moves what lies in a bucket below `prefix` to `storageClass`, as lifecycle rules would.

    All versions are moved, but nothing to a warmer place. The tiers ARCHIVE_ACCESS and
    DEEP_ARCHIVE_ACCESS take the objects of INTELLIGENT_TIERING alone.
    """

    bucket: str
    prefix: str = ""
    storage_class: Literal["GLACIER", "DEEP_ARCHIVE", "ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS"] = (
        Field(alias="storageClass")
    )

    def carry_out(self) -> int:
        """How many objects were moved. Raises moto's MissingBucket."""
        bucket = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].get_bucket(self.bucket)
        below = [name for name in bucket.keys if name.startswith(self.prefix)]
        versions = [version for name in below for version in bucket.keys.getlist(name)]
        archivable = [version for version in versions if isinstance(version, ArchivableObject)]
        return sum(version.move_to_archive(self.storage_class) for version in archivable)


def answer(
    plan: faults.FaultPlan, method: str, path: str, headers: dict[str, str], document: bytes
) -> Answer:
    """Carries out an order. JSON only, so that no web page can send one without being asked."""
    if method == "DELETE" and path == faults.PATH:
        plan.clear()
        return Answer(204, {}, b"")
    if headers.get("content-type") != "application/json":
        return Answer(415, {}, b"content-type must be application/json")
    try:
        if path == ARCHIVE:
            moved = ArchiveOrder.model_validate_json(document).carry_out()
            headers = {"content-type": "application/json"}
            return Answer(200, headers, json.dumps({"objects": moved}).encode())
        if path == faults.PATH:
            plan.add(faults.Fault.model_validate_json(document))
        else:
            SCHEDULE.order(restores.RestorePace.model_validate_json(document))
    except MissingBucket:
        return Answer(404, {"content-type": "text/plain"}, b"there is no such bucket")
    except ValueError as error:
        return Answer(400, {"content-type": "text/plain"}, str(error).encode())
    return Answer(204, {}, b"")
