"""`enrich api key`: the store's key, generated anew or copied."""

from __future__ import annotations

from datetime import timedelta

import click

from enrich_pipeline.enrich_api.commands.boundary import ConfigFactory, reported, store_option
from enrich_pipeline.enrich_api.database import connect
from enrich_pipeline.enrich_api.errors import ApiError
from enrich_pipeline.enrich_api.key_vault import open_vault
from enrich_pipeline.enrich_api.keys import LONGEST_OVERLAP, current_key, replace_key
from enrich_pipeline.enrich_api.stores import find_store

_MOST_MINUTES = int(LONGEST_OVERLAP.total_seconds() // 60)


def key_command(configure: ConfigFactory) -> click.Command:
    """Build `key`."""

    @click.command("key")
    @click.option("--label", default="", help="What to call the key in lists and logs.")
    @click.option(
        "--overlap",
        default=0,
        show_default=True,
        type=click.IntRange(0, _MOST_MINUTES),
        metavar="MINUTES",
        help="How long the key before goes on working.",
    )
    @click.option("--copy", is_flag=True, help="Print the present key again instead of a new one.")
    @store_option()
    def command(label: str, overlap: int, store_name: str, *, copy: bool) -> None:
        """Generate the key anew and print it. The one before stops working.

        \b
        Examples:
          enrich api key --label "nightly upload" --overlap 60
          enrich api key --copy
        """
        with reported():
            config = configure()
            vault = open_vault(config.key_secret_file)
            with connect(config) as connection:
                store_id = find_store(connection, store_name).store_id
                if copy:
                    key = current_key(connection, vault, store_id=store_id)
                else:
                    minutes = timedelta(minutes=overlap)
                    key = replace_key(connection, store_id=store_id, vault=vault, label=label, overlap=minutes)
            if key is None:
                raise ApiError("There is no key that can be copied: generate one anew without --copy.")
        click.echo(key)

    return command
