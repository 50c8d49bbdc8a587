"""Failures: what went wrong with an object or an ingest, and what a person does about it."""

from __future__ import annotations

from typing import Any, Literal

import orjson

from course_backfill.inventory import Fault, SourceObject
from course_backfill.records import Record
from course_backfill.redaction import redacted

_REUPLOAD = (
    "Upload the file again in Studio (Files & Uploads) or restore it from a backup of MongoDB, "
    "then start the course again. To copy the rest without it: "
    "--corrupt-objects record (in the API corruptObjects)."
)
_REPORT_DOCUMENT = (
    "Look at the document in the files collection; delete it or upload the file again in Studio, "
    "then start the course again. To copy the rest without it: "
    "--corrupt-objects record (in the API corruptObjects)."
)
_START_AGAIN = "Start the course again."

ADVICE: dict[str, str] = {
    # Bad objects of the source, found by planning or by reading.
    "missing-chunk": _REUPLOAD,
    "surplus-chunk": _REUPLOAD,
    "truncated-chunk": _REUPLOAD,
    "overlong-chunk": _REUPLOAD,
    "digest-mismatch": _REUPLOAD,
    "invalid-document": _REPORT_DOCUMENT,
    "duplicate-path": _REPORT_DOCUMENT,
    "unknown-kind": _REPORT_DOCUMENT,
    "keeps-changing": "The file was saved again during each of three reads. Start the course again "
    "when nobody is editing it.",
    # What a destination holds differs from what was written.
    "different-object": "Something else wrote to this key. Find out what has write access to the "
    "bucket, then start the course again.",
    "interrupted-copy": "A worker was interrupted after it had stored one state of the file, which "
    "was then saved again. Start the course again.",
    "object-missing": "Something deleted the copy. Find out what may delete in the bucket, then "
    "start the course again.",
    "fixity-mismatch": "The stored bytes are not the bytes that were sent. Start the course again; "
    "if it happens twice, open a case with the storage provider.",
    "surplus-object": "Something else wrote below this version's prefix. Find out what has write "
    "access to the bucket, then start the course again.",
    "source-copy-changed": "Something deleted or replaced the copy that was to be copied. Run "
    "course-backfill audit on the course, then start the course again: it mends what is damaged.",
    "source-copy-damaged": "The copy that was to be copied is damaged. Run course-backfill audit "
    "on the course, then start the course again: it mends what is damaged.",
    "unverifiable-copy": "Nothing proves this copy. If the one it was made of is cold, have it "
    "restored: course-backfill warm; otherwise run course-backfill audit on the course. Then start "
    "the course again: that mends what is damaged. If nothing was, delete the object in that "
    "location: it is copied anew.",
    "wrong-copy": "The object at this key is not the one that belongs there, and no version "
    "registered in that location has it. Run course-backfill audit on the course; where it finds "
    "damage, start the course again, which mends it. Then delete the object in that location, and "
    "start again: it is copied anew.",
    "manifest-damaged": "Run course-backfill audit on the course, then start the course again: it "
    "mends what is damaged from a location where it is not.",
    "manifest-cold": "Manifest files must stay readable: take this location's courses/ out of the "
    "bucket's lifecycle rules. Restore entries.jsonl, index.json and manifest.json of the version "
    "(aws s3api restore-object), copy each over itself as STANDARD (aws s3api copy-object), then "
    "try again. Meanwhile, if they can be read in another location: "
    "course-backfill warm restores them for some days, and start --from copies from there.",
    # What audits find, and repairs cannot mend.
    "no-good-replica": "If the audit looked at some locations only, audit all of them first: "
    "another may have a good copy. Otherwise restore the object from a backup, in any location, "
    "then audit every location of the course: course-backfill audit.",
    "changed-since-audit": "Something wrote to this key after the audit, and nothing was replaced. "
    "Find out what has write access to the bucket, then audit the course again.",
    "repair-refused": "Nothing was repaired there, or nobody may read it back. Check the "
    "credentials and the bucket policy: course-backfill check. Then audit the course, and start it "
    "again; until it is audited, later starts go on without this repair.",
    "unread-object": "Nothing is known to be wrong: the object is cold, and S3 tells no checksum "
    "of it. To have it restored and read: course-backfill audit --warm (in the API warm).",
    "findings-gone": "Audit every location of the course again: course-backfill audit.",
    "nothing-to-audit": "Leave the locations out to audit every one that has the course; "
    "course-backfill status on the course says which these are.",
    # Failures of the ingest as a whole.
    "source-incomplete": "Bring these versions to that location first, or start from one that has "
    "them: course-backfill status on the course says where each is.",
    "location-removed": "Put the location back into the settings of all workers, or leave it out "
    "of the request; then start the course again.",
    "location-moved": "Point the location to its former place again, in the settings of all "
    "workers; the new place becomes a location of its own, with an id that none had. Then start "
    "the course again.",
    "source-unavailable": "Bring MongoDB back, then discover again: course-backfill discover.",
    "source-refused": "Check MONGO_URI, or the secret that MONGO_URI_SECRET_NAME names, and that "
    "its user may read the database: course-backfill check. Then start the course again.",
    "storage-refused": "Check the credentials and the bucket policy: course-backfill check. "
    "Then start the course again.",
    "restore-refused": "Allow the workers s3:RestoreObject on the location's bucket, then start "
    "the course again: what was restored stays so for its days.",
    "restore-overdue": "Look at the restores in the S3 console; raise restore_give_up_hours if "
    "they may take longer, then start the course again: what was restored stays so for its days.",
    "restore-expired": "Copying is too slow for the days that restored copies last: ask for more "
    "with --days (in the API restoreDays), or run more workers; then start the course "
    "again.",
    "too-expensive": "Allow more with --max-cost (in the API maxCost), choose a slower tier with "
    "--tier (in the API restoreTier), or copy from a location that is not cold (--from).",
    "gave-up-waiting": "Bring the service named above back, then start the course again.",
    "out-of-time": "Allow the function more time (functions.timeout_seconds, at most 900), raise "
    "source_bytes_per_second if it is set, or run its service on a machine, where no run is ended: "
    "disable the function's trigger, then course-backfill work with the service's name. Then start "
    "the course again.",
    "dead-letter": "Read the error with course-backfill dead-letters; when its cause is gone, "
    "start the course again.",
    "counts-disagree": _START_AGAIN + " If it happens twice, report it with this ingest's id.",
    # Warnings of a dry run: nothing fails because of them.
    "no-digest": "Nothing to do: its bytes cannot be checked against the source's own digest; "
    "sha256 and length are recorded.",
    "no-content-type": "Nothing to do: served as application/octet-stream.",
    "unicode-twins": "Nothing to do: both are kept. Tools that normalise names may confuse them.",
    "case-twins": "Nothing to do: both are kept. Tools that ignore case may confuse them.",
    "encoded-key": "Nothing to do: the key is percent-encoded; the entry keeps the true name.",
    "hashed-key": "Nothing to do: the key is a hash; the entry keeps the true name.",
    "shared-file": "Nothing to do: old-form courses of one Org/Course share their files; each "
    "course gets its own copy.",
}
"""Every code a failure can carry → what to do about it."""

LONGEST_DETAIL = 2_000
"""In characters."""


class Failure(Record):
    """One thing that failed: an object of the source, a copy of it, or the ingest as a whole.

    `path` and `source_id` are absent where the ingest as a whole failed. `attempts` counts the
    times its packet was tried. `severity` is `warning` for what nothing fails because of: what a
    dry run points out, and what an audit finds that is not damage.
    """

    type: str = "Failure"
    severity: Literal["failure", "warning"] = "failure"
    stage: str
    code: str
    detail: str
    action: str
    path: str | None = None
    replica: str | None = None
    """The location whose copy it is about; `path` is its key there."""
    source_id: Any = None
    attempts: int = 1
    etag: str | None = None
    """Of the object that an audit found altered."""
    sha256: str | None = None
    """Of its bytes, where they were read."""

    @classmethod
    def of_object(
        cls, found: SourceObject, fault: Fault, *, stage: str, attempts: int = 1
    ) -> Failure:
        """The failure of one object."""
        return cls(
            stage=stage,
            code=fault.code,
            detail=redacted(fault.detail, limit=LONGEST_DETAIL),
            action=ADVICE[fault.code],
            path=found.path,
            source_id=found.source_id,
            attempts=attempts,
        )

    @classmethod
    def of_copy(
        cls, key: str, fault: Fault, replica: str, *, stage: str, attempts: int = 1
    ) -> Failure:
        """The failure of one copy in a location; `key` is relative to the location's prefix."""
        return cls(
            stage=stage,
            code=fault.code,
            detail=redacted(fault.detail, limit=LONGEST_DETAIL),
            action=ADVICE[fault.code],
            path=key,
            replica=replica,
            attempts=attempts,
        )

    @classmethod
    def of_ingest(cls, code: str, detail: str, *, stage: str) -> Failure:
        """The failure of the ingest as a whole."""
        told = redacted(detail, limit=LONGEST_DETAIL)
        return cls(stage=stage, code=code, detail=told, action=ADVICE[code])

    def to_line(self) -> bytes:
        """One JSON line."""
        return orjson.dumps(self.to_item()) + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Failure:
        """The inverse of `to_line`."""
        return cls.from_item(orjson.loads(line))
