"""A store and a vendor of our own: what `enrich demo` and `enrich prove` create for themselves, and nobody else's.

Whatever the environment or .env says is set aside, so that neither can reach a real warehouse or vendor.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager

from pydantic import SecretStr

from enrich_pipeline.commands.api import api_config, open_channel_orders
from enrich_pipeline.enrich_api.channel_orders import import_channel_orders
from enrich_pipeline.enrich_api.database import connect
from enrich_pipeline.enrich_api.key_vault import open_vault
from enrich_pipeline.enrich_api.keys import replace_key
from enrich_pipeline.enrich_api.process import ServiceProcess, ServiceSpec
from enrich_pipeline.settings import PROJECT_ROOT, Settings, load_settings


class Sandbox:
    """Environment variables that hold while the sandbox is open; child processes see them too."""

    def __init__(self) -> None:
        self._before = dict(os.environ)

    def set(self, **variables: str) -> Settings:
        """Set variables and return the settings that follow from them."""
        os.environ.update(variables)
        return load_settings()

    @contextmanager
    def serving(self, settings: Settings, *, allow_outside_window: bool = False) -> Generator[Settings]:
        """Serve the Enrich Order API on the warehouse's channel orders; yield settings with its address and key."""
        config = api_config(settings)
        with connect(config) as connection, open_channel_orders(settings) as orders:
            import_channel_orders(connection, orders)
        with connect(config) as connection:
            key = SecretStr(replace_key(connection, vault=open_vault(config.key_secret_file)))
        spec = ServiceSpec(
            database_url=config.database_url,
            profile=settings.contract_profile,
            store_timezone=settings.store_timezone,
            store_currency=settings.store_currency,
            allow_outside_window=allow_outside_window,
            now=settings.enrich_now,
            key_secret_file=config.key_secret_file,
        )
        with ServiceProcess(spec) as service:
            yield self.set(WORKMAGIC_API_URL=service.base_url, WORKMAGIC_API_KEY=key.get_secret_value())

    def _restore(self) -> None:
        os.environ.clear()
        os.environ.update(self._before)


@contextmanager
def sandbox(name: str, **variables: str) -> Generator[Sandbox]:
    """Open an empty sandbox with the given settings, and no others, for as long as it is entered.

    Its data folder is `.data/<name>` of the checkout; what an earlier one left there is removed.
    """
    data_dir = PROJECT_ROOT / ".data" / name
    shutil.rmtree(data_dir, ignore_errors=True)
    box = Sandbox()
    try:
        # An empty variable counts as unset, and hides what a .env would say.
        os.environ.update(dict.fromkeys((field.upper() for field in Settings.model_fields), ""))
        box.set(ENRICH_DATA_DIR=str(data_dir), **variables)
        yield box
    finally:
        box._restore()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # whoever opens it closes it
