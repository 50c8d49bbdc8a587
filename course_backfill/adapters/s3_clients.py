"""The clients that reach S3: obstore for small bodies, boto3 for everything that needs more say."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.store import S3Store

from course_backfill.addresses import AWS, AWS_CHINA, server_of
from course_backfill.errors import StorageRefused

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CREDENTIALS_LAST = timedelta(minutes=10)
"""botocore renews credentials that have less than ten minutes left, so a copy is good for ten."""


class S3Clients:
    """Every connection of a process to one S3 endpoint; used by any number of threads.

    `concurrency` is how many requests are in flight at once: the pools keep as many connections.
    Open it after a fork, not before one. Without `endpoint_url` boto3 finds it as it always does.
    `boto` repeats what was throttled, failed or lost its connection, up to `attempts` in all; a
    store of `fast_store` gives up sooner, because boto3 has the last word on every failure.
    """

    def __init__(
        self,
        session: boto3.Session,
        *,
        endpoint_url: str | None = None,
        concurrency: int = 16,
        attempts: int = 4,
    ) -> None:
        self._session = session
        self._attempts = attempts
        self._concurrency = concurrency
        self._is_custom = endpoint_url is not None and not _is_aws(endpoint_url)
        self.boto = self._open_boto(endpoint_url)
        if not self._is_custom and not _is_aws(self.boto.meta.endpoint_url):
            # boto3 found an endpoint of its own, in the environment or a profile.
            self._is_custom = True
            self.boto = self._open_boto(self.boto.meta.endpoint_url)
        self._stores: dict[str, S3Store] = {}
        self._lock = threading.Lock()

    @cached_property
    def copying(self) -> ThreadPoolExecutor:
        """The threads in which parts are copied inside S3, however many objects are copied."""
        return ThreadPoolExecutor(self._concurrency, thread_name_prefix="copied-parts")

    def close(self) -> None:
        """Waits for the threads and closes the connections."""
        if "copying" in self.__dict__:
            self.copying.shutdown()
        self.boto.close()

    def fast_store(self, bucket: str) -> S3Store:
        """The bucket as obstore sees it; each object is sent with its sha256 for S3 to check.

        Raises StorageRefused where there are no credentials.
        """
        with self._lock:
            if bucket not in self._stores:
                self._stores[bucket] = self._open_store(bucket)
            return self._stores[bucket]

    def _open_boto(self, endpoint_url: str | None) -> S3Client:
        config = _boto_config(self._concurrency, self._attempts, self._is_custom)
        return self._session.client("s3", endpoint_url=endpoint_url, config=config)

    def _open_store(self, bucket: str) -> S3Store:
        if self._session.get_credentials() is None:
            raise StorageRefused(
                f"no AWS credentials were found for bucket {bucket!r}: "
                "set them as for any AWS tool, in the environment, a profile or a role"
            )
        endpoint = urlsplit(self.boto.meta.endpoint_url)
        # A certificate for *.s3.amazonaws.com does not cover a bucket name with dots.
        is_virtual = not self._is_custom and "." not in bucket
        host = f"{bucket}.{endpoint.netloc}" if is_virtual else endpoint.netloc
        return S3Store(
            bucket,
            endpoint=f"{endpoint.scheme}://{host}{endpoint.path.rstrip('/')}",
            virtual_hosted_style_request=is_virtual,
            region=self.boto.meta.region_name,
            credential_provider=Boto3CredentialProvider(self._session, ttl=_CREDENTIALS_LAST),
            checksum_algorithm="sha256",
            # The signature covers the checksum's header, and S3 checks the body against that.
            unsigned_payload=True,
            client_options={
                "allow_http": endpoint.scheme == "http",
                "connect_timeout": timedelta(seconds=5),
                "timeout": timedelta(seconds=60),
                "pool_max_idle_per_host": str(self._concurrency),
            },
            retry_config={
                "max_retries": 2,
                "retry_timeout": timedelta(seconds=30),
                "backoff": {
                    "init_backoff": timedelta(milliseconds=100),
                    "max_backoff": timedelta(seconds=2),
                    "base": 2,
                },
            },
        )


def carries(key: str) -> bool:
    """Whether obstore sends exactly this key.

    It drops slashes at both ends without a word, and refuses empty, `.` and `..` segments; all of
    these are good keys to S3, and boto3 sends them as they are.
    """
    return not any(segment in {"", ".", ".."} for segment in key.split("/"))


def _boto_config(concurrency: int, attempts: int, is_custom: bool) -> Config:
    return Config(
        signature_version="s3v4",
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=5,
        read_timeout=20,
        max_pool_connections=concurrency,
        tcp_keepalive=True,
        # Uploads carry checksums of their own, and reads are hashed by whoever asked for them.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={
            "payload_signing_enabled": False,
            "addressing_style": "path" if is_custom else "auto",
        },
    )


def _is_aws(endpoint_url: str) -> bool:
    return server_of(endpoint_url) in {AWS, AWS_CHINA}
