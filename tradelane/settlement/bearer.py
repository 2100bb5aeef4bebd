"""Who shows the secret may come in: bearer tokens, compared in constant time."""

from __future__ import annotations

import hmac

from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import HTTPConnection

from tradelane.settlement import problem


class Bearer(HTTPBearer):
    """Lets those through who send the token; Problem 401 to all others."""

    def __init__(self, token: str) -> None:
        super().__init__(auto_error=False)
        self._token = token.encode()

    async def __call__(self, request: HTTPConnection) -> HTTPAuthorizationCredentials | None:
        given = await super().__call__(request)
        if not self.is_shown(given):
            raise problem.unauthorised()
        return given

    def is_shown(self, given: HTTPAuthorizationCredentials | None) -> bool:
        return given is not None and hmac.compare_digest(given.credentials.encode(), self._token)
