"""Addresses: where locations lie, however that is written in the settings."""

from __future__ import annotations

from urllib.parse import urlsplit

from course_backfill.records import Record

AWS = "amazonaws.com"
AWS_CHINA = "amazonaws.com.cn"
_PORTS = {"http": 80, "https": 443}


class Address(Record):
    """Where a location's objects lie: locations of one address are one place."""

    bucket: str
    prefix: str = ""
    server: str | None = None
    """What answers for the bucket, where it is not what does for the installation."""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}" + (f" at {self.server}" if self.server else "")


def server_of(endpoint_url: str | None) -> str:
    """What answers at an endpoint; without one AWS, which has a bucket of a name only once."""
    if endpoint_url is None:
        return AWS
    parts = urlsplit(endpoint_url)
    host = (parts.hostname or "").rstrip(".")
    for aws in (AWS, AWS_CHINA):
        if host.endswith(f".{aws}"):
            return aws
    has_own_port = parts.port is not None and parts.port != _PORTS.get(parts.scheme)
    return host + (f":{parts.port}" if has_own_port else "") + parts.path.rstrip("/")
