"""What counted as sales when a day was computed is what its receipt says, whatever the setting says later."""

from __future__ import annotations

from dataclasses import replace

import pytest

from enrich_pipeline.domain.errors import DayError
from enrich_pipeline_tests.support.small_store import SmallStore


def test_a_receipt_names_the_basis_that_its_day_was_computed_on(store: SmallStore) -> None:
    store.place("1")
    store.compute(replace(store.context(), sales_basis="gross"))
    later = store.context()
    assert later.sales_basis == "net"
    assert store.verify(later).receipt.sales_basis == "gross"


def test_a_day_computed_on_another_basis_is_not_sent_until_it_is_computed_again(store: SmallStore) -> None:
    store.place("1")
    store.compute(replace(store.context(), sales_basis="gross"))
    with pytest.raises(DayError, match=r"computed with SALES_BASIS=gross, and SALES_BASIS is net now. Compute the day"):
        store.upload(store.context())
    assert store.fetch("SELECT count(*) FROM enrich.upload_ledger") == [(0,)]
    assert store.run_day().sales_basis == "net"


def test_a_day_of_an_earlier_version_which_kept_no_basis_is_sent(store: SmallStore) -> None:
    store.place("1")
    store.compute(store.context())
    store.execute("UPDATE enrich.day_inputs SET sales_basis = NULL")
    run = replace(store.context(), sales_basis="gross")
    store.upload(run)
    assert store.verify(run).receipt.sales_basis == "gross"
