"""The tokens of a local server: whose each is, told as API Gateway tells it of machines."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping

from course_backfill.api_clients import ALL_SCOPES, LOCAL, ApiClient

Claims = Mapping[str, str]


class ApiTokens:
    """Knows tokens by their digests alone, so that none can get into a log or a trace."""

    def __init__(
        self, clients: Iterable[ApiClient] = (), *, all_powerful: str | None, scope_prefix: str = ""
    ) -> None:
        """`all_powerful` is the token for everything; raises ValueError without any token."""
        self._known = [
            (
                _digest(one.token.get_secret_value().encode()),
                _claims(one.id, one.scopes, scope_prefix),
            )
            for one in clients
        ]
        if all_powerful is not None:
            if not all_powerful:
                raise ValueError("an empty token would let everyone in")
            own = _claims(LOCAL, ALL_SCOPES, scope_prefix)
            self._known.append((_digest(all_powerful.encode()), own))
        if not self._known:
            raise ValueError("without a token nobody could get in")

    def claims(self, authorization: Iterable[bytes]) -> Claims | None:
        """What the one Authorization header's token stands for; None for any other.

        It takes as long whichever token it is, and however much of one is right.
        """
        given = list(authorization)
        scheme, _, token = (given[0] if len(given) == 1 else b"").partition(b" ")
        digest = _digest(token.strip())
        found = None
        for known, claims in self._known:
            if hmac.compare_digest(digest, known):
                found = claims
        return found if scheme.lower() == b"bearer" else None


def _claims(name: str, scopes: Iterable[str], prefix: str) -> Claims:
    """Those of Cognito's access tokens for machines, where the subject is the client itself."""
    return {
        "sub": name,
        "client_id": name,
        "token_use": "access",
        "scope": " ".join(f"{prefix}{one}" for one in scopes),
    }


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
