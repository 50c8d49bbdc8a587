"""A client's id and secret instead of a token: tokens are fetched, and fetched anew when over."""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Self

import httpx

from course_backfill.cli.api_client import UNAVAILABLE, ApiUnreachable
from course_backfill.errors import CourseBackfillError, InvalidInput, Problem

TOKEN_URL = "COURSE_BACKFILL_TOKEN_URL"  # noqa: S105  # A variable's name.
CLIENT_ID = "COURSE_BACKFILL_CLIENT_ID"
CLIENT_SECRET = "COURSE_BACKFILL_CLIENT_SECRET"  # noqa: S105  # Likewise.


class NoToken(CourseBackfillError):
    """Whoever gives tokens gives this client none."""


@dataclass(slots=True)
class ClientCredentials(httpx.Auth):
    """OAuth 2.0's client credentials grant, as Cognito has it.

    A token is fetched with the first request, and again when the API no longer accepts it: a
    request that was refused is repeated once with the new one. Raises NoToken, and ApiUnreachable
    where whoever gives tokens is away.
    """

    token_url: str
    client_id: str
    secret: str = field(repr=False)
    requires_response_body: bool = field(default=True, init=False)
    _token: str | None = field(default=None, init=False, repr=False)

    @classmethod
    def given(cls, token_url: str | None) -> Self | None:
        """Of the client that the environment names; None where it names none.

        Raises InvalidInput where a part is missing.
        """
        client_id, secret = os.environ.get(CLIENT_ID), os.environ.get(CLIENT_SECRET)
        if not client_id and not secret:
            return None
        if token_url and client_id and secret:
            return cls(token_url, client_id, secret)
        parts = {TOKEN_URL: token_url, CLIENT_ID: client_id, CLIENT_SECRET: secret}
        given = " and ".join(name for name, part in parts.items() if part)
        told = f"is not set, and is needed beside {given}"
        raise InvalidInput(*(Problem(name, told) for name, part in parts.items() if not part))

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """What httpx sends: the request with a token, and before it what fetches one."""
        is_new = self._token is None
        if is_new:
            self._token = self._read((yield self._token_request()))
        request.headers["authorization"] = f"Bearer {self._token}"
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED and not is_new:
            self._token = self._read((yield self._token_request()))
            request.headers["authorization"] = f"Bearer {self._token}"
            yield request

    def _token_request(self) -> httpx.Request:
        login = httpx.BasicAuth(self.client_id, self.secret)
        wanted = httpx.Request("POST", self.token_url, data={"grant_type": "client_credentials"})
        return next(login.auth_flow(wanted))

    def _read(self, response: httpx.Response) -> str:
        if response.status_code in UNAVAILABLE:
            raise ApiUnreachable(f"{self.token_url} is not available now: no token can be had.")
        try:
            document = response.json()
        except ValueError:
            document = None
        answer = document if isinstance(document, dict) else {}
        token = answer.get("access_token")
        if response.is_success and isinstance(token, str):
            return token
        reason = f" ({answer['error']})" if isinstance(answer.get("error"), str) else ""
        raise NoToken(
            f"{self.token_url} answered {response.status_code}{reason} instead of a token: look at "
            f"{TOKEN_URL}, {CLIENT_ID} and {CLIENT_SECRET}."
        )
