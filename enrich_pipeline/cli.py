"""`enrich`: thin commands over the steps."""

from __future__ import annotations

import click


@click.group()
def main() -> None:
    """Send the warehouse's order profit to the Enrich Order API, and prove that it arrived."""
