"""The GridFS contentstore of Open edX as a source of course content."""

from course_backfill.adapters.contentstore.health import check_source
from course_backfill.adapters.contentstore.source import ContentstoreSource

__all__ = ["ContentstoreSource", "check_source"]
