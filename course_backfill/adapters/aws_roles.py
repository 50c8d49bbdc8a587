"""Assumed roles: sessions whose credentials AWS STS gives, renewed before they expire."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import boto3
import botocore.session
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import ClientError

from course_backfill.adapters.aws_errors import THROTTLES, error_code
from course_backfill.errors import StorageRefused

_SESSION_NAME = "course-backfill"


class _InOneSentence(logging.Filter):
    """botocore logs a stack trace of what it then raises, too."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info:
            error = record.exc_info[1]
            record.msg, record.args = "AWS credentials could not be renewed: %s", (error,)
            record.exc_info = record.exc_text = None
        return True


_IN_ONE_SENTENCE = _InOneSentence()


def assume_role(
    session: boto3.Session, role_arn: str, sts_client: Callable[..., Any]
) -> boto3.Session:
    """A session in the same region that acts in the role; nothing is sent yet.

    `sts_client` makes a client of AWS STS of the keyword arguments of boto3. Raises StorageRefused
    where there are no credentials to assume the role with.
    """
    own = session.get_credentials()
    if own is None:
        raise StorageRefused(
            f"no AWS credentials were found to assume {role_arn} with: "
            "set them as for any AWS tool, in the environment, a profile or a role"
        )
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=lambda _service, **credentials: sts_client(**credentials),
        source_credentials=own,
        role_arn=role_arn,
        extra_args={"RoleSessionName": _SESSION_NAME},
    )
    # One filter for all: adding it again changes nothing.
    logging.getLogger("botocore.credentials").addFilter(_IN_ONE_SENTENCE)
    core = botocore.session.Session()
    provider = _AssumedRole(fetcher, role_arn)
    core.register_component("credential_provider", CredentialResolver([provider]))
    return boto3.Session(botocore_session=core, region_name=session.region_name)


class _AssumedRole(CredentialProvider):
    """What botocore does for a profile with a role, for a role that no profile names."""

    METHOD = "assume-role"

    def __init__(self, fetcher: AssumeRoleCredentialFetcher, role_arn: str) -> None:
        super().__init__()
        self._fetcher = fetcher
        self._role_arn = role_arn

    def load(self) -> DeferredRefreshableCredentials:
        return DeferredRefreshableCredentials(self._fetch, self.METHOD)

    def _fetch(self) -> dict[str, Any]:
        try:
            return self._fetcher.fetch_credentials()
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if status >= 500 or error_code(error) in THROTTLES:
                raise
            raise StorageRefused(
                f"AWS refuses the role {self._role_arn} ({error_code(error)}): allow these "
                "credentials sts:AssumeRole on it, and let its trust policy name them"
            ) from error
