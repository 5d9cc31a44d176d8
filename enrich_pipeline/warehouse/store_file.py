"""The file `STORE` beside a folder's CSV files: the zone and the currency that its orders are to be read with."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import available_timezones

import iso4217

from enrich_pipeline.domain.errors import LoadError
from enrich_pipeline.domain.store import Store

_KEYS = ("STORE_TIMEZONE", "STORE_CURRENCY")


def read_store_file(folder: Path) -> Store | None:
    """The store that `folder/STORE` names, by a line `STORE_TIMEZONE=...` and one `STORE_CURRENCY=...`; or None.

    Raises:
        LoadError: naming the line that is wrong, or the one that is missing.
    """
    path = folder / "STORE"
    if not path.is_file():
        return None
    values: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        key, _, value = (part.strip() for part in line.partition("="))
        if key not in _KEYS:
            raise LoadError(f"{path}, line {number}: {key!r} is not one of {', '.join(_KEYS)}.")
        values[key] = value
    missing = [key for key in _KEYS if key not in values]
    if missing:
        raise LoadError(f"{path}: the line {missing[0]}=... is missing.")
    zone, currency = (values[key] for key in _KEYS)
    if zone not in available_timezones():
        raise LoadError(f"{path}: STORE_TIMEZONE {zone!r} is no IANA time zone; write one like America/New_York.")
    if currency not in {known.code for known in iso4217.Currency}:
        raise LoadError(f"{path}: STORE_CURRENCY {currency!r} is no ISO 4217 currency; write one like USD.")
    return Store(timezone=zone, currency=currency)
