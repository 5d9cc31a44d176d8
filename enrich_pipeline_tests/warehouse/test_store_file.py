"""The file STORE says with which zone and currency a folder's orders are to be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from enrich_pipeline.domain.errors import LoadError
from enrich_pipeline.domain.store import Store
from enrich_pipeline.warehouse.store_file import read_store_file


def test_zone_and_currency_are_read(tmp_path: Path) -> None:
    (tmp_path / "STORE").write_text("# ours\nSTORE_CURRENCY=JPY\n\nSTORE_TIMEZONE = Asia/Tokyo\n")
    assert read_store_file(tmp_path) == Store(timezone="Asia/Tokyo", currency="JPY")


def test_a_folder_without_the_file_names_no_store(tmp_path: Path) -> None:
    assert read_store_file(tmp_path) is None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("STORE_TIMEZONE=UTC\n", r"STORE: the line STORE_CURRENCY=\.\.\. is missing"),
        (
            "STORE_TIMEZONE=UTC\nSTORE_CURENCY=USD\n",
            "STORE, line 2: 'STORE_CURENCY' is not one of STORE_TIMEZONE, STORE",
        ),
        ("STORE_TIMEZONE=Mars\nSTORE_CURRENCY=USD\n", "STORE_TIMEZONE 'Mars' is no IANA time zone"),
        ("STORE_TIMEZONE=UTC\nSTORE_CURRENCY=usd\n", "STORE_CURRENCY 'usd' is no ISO 4217 currency"),
    ],
)
def test_a_wrong_file_is_refused_by_what_is_wrong(tmp_path: Path, content: str, problem: str) -> None:
    (tmp_path / "STORE").write_text(content)
    with pytest.raises(LoadError, match=problem):
        read_store_file(tmp_path)
