"""The key panel: a store's keys; generating one, and copying one."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from enrich_pipeline.enrich_api.dashboard.guard import Form
from enrich_pipeline.enrich_api.dashboard.sessions import PATH, Session, leave_key
from enrich_pipeline.enrich_api.database import Database
from enrich_pipeline.enrich_api.key_vault import KeyVault
from enrich_pipeline.enrich_api.keys import StoredKey, copy_key, replace_key_online, stored_keys

OVERLAPS = MappingProxyType({"at once": 0, "in 1 hour": 1, "in 24 hours": 24, "in 7 days": 168})
"""When the key before stops working: the words on the page, and hours."""


class KeyPanel:
    """Reads and changes the keys of whatever store the session looks at."""

    def __init__(self, database: Database, vault: KeyVault) -> None:
        self._database = database
        self._vault = vault

    @property
    def can_copy(self) -> bool:
        """Whether keys are kept so that they can be copied later."""
        return self._vault.seals

    async def keys(self, session: Session) -> list[StoredKey]:
        """The keys that work, the newest first."""
        return await stored_keys(self._database, store_id=session.store.store_id)

    async def generate(self, _request: Request, session: Session, form: Form) -> Response:
        """Generate a key; the next page shows it."""
        key = await replace_key_online(
            self._database,
            store_id=session.store.store_id,
            vault=self._vault,
            label=form.get("label", "").replace("\x00", ""),
            overlap=timedelta(hours=OVERLAPS.get(form.get("overlap", ""), 0)),
        )
        await leave_key(self._database, session, key)
        return RedirectResponse(PATH, 303)

    async def copy(self, request: Request, session: Session, form: Form) -> Response:
        """The key as text for our script, which puts it on the clipboard; without scripts the next page shows it."""
        key = None
        with suppress(ValueError):
            key = await copy_key(
                self._database, self._vault, int(form.get("key_id", "")[:9]), store_id=session.store.store_id
            )
        if request.headers.get("accept") == "text/plain":
            return PlainTextResponse(key or "", 200 if key else 404)
        if key:
            await leave_key(self._database, session, key)
        return RedirectResponse(PATH, 303)
