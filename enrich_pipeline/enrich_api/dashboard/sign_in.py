"""Signing in: by an address that works once, or by the operator's password where one is set."""

from __future__ import annotations

import hmac
import time
from collections import deque
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from enrich_pipeline.enrich_api.dashboard.guard import COOKIE, read_form
from enrich_pipeline.enrich_api.dashboard.rendering import Renderer
from enrich_pipeline.enrich_api.dashboard.sessions import PATH, SESSION_HOURS, open_session, use_sign_in
from enrich_pipeline.enrich_api.database import Database

_MOST_FAILURES = 5
_WINDOW_SECONDS = 60.0


class SignIn:
    """The sign-in page. Guessing the password is slow: a few failures stop all attempts for a minute."""

    def __init__(
        self,
        database: Database,
        renderer: Renderer,
        password: str | None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._renderer = renderer
        self._password = password
        self._monotonic = monotonic
        self._failures: deque[float] = deque(maxlen=_MOST_FAILURES)

    async def by_address(self, request: Request) -> Response:
        """Use a one-time address up; without a good one, ask for the password where there is one."""
        token = request.query_params.get("token", "")
        if token and await use_sign_in(self._database, token):
            return await self._begin()
        return self.refusal()

    async def by_password(self, request: Request) -> Response:
        """Compare the password that was typed."""
        if self._password is None:
            return self.refusal()
        now = self._monotonic()
        if len(self._failures) == _MOST_FAILURES and now - self._failures[0] < _WINDOW_SECONDS:
            return self._renderer.sign_in(429, problem="Too many attempts. Wait a minute.")
        typed = (await read_form(request)).get("password", "")
        if not hmac.compare_digest(typed.encode(), self._password.encode()):
            self._failures.append(now)
            return self._renderer.sign_in(401, problem="That is not the password.")
        return await self._begin()

    def refusal(self) -> Response:
        """What is shown without a session."""
        return self._renderer.sign_in(401) if self._password else self._renderer.refusal(401)

    async def _begin(self) -> Response:
        answer = RedirectResponse(PATH, 303)
        secret = await open_session(self._database)
        # No `secure`: it would keep the cookie off plain http, which is what this service speaks.
        answer.set_cookie(
            COOKIE, secret, max_age=SESSION_HOURS * 3600, path="/settings/", httponly=True, samesite="lax"
        )
        return answer
