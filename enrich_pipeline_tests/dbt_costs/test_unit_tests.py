"""dbt's own unit tests of each rule of money, run by dbt against a real PostgreSQL."""

from __future__ import annotations

from sqlalchemy import make_url

from enrich_pipeline.warehouse import marts
from enrich_pipeline_tests.dbt_costs.compiled_marts import PROJECT_DIR
from enrich_pipeline_tests.dbt_costs.small_store import SmallStore


def test_every_rule_of_money_passes_its_dbt_unit_test(store: SmallStore) -> None:
    manifest = marts._load_manifest(store.compiler.prepared, store.url.database or "")
    places = marts._places(PROJECT_DIR, store.compiler.scratch)

    with marts._connection(make_url(store.url)):
        result = marts._invoke(
            ["test", *marts._QUIET, *places, "--select", "test_type:unit"], manifest=manifest, callbacks=[]
        )

    failures = {node.node.name: node.message for node in result.result.results if node.status != "pass"}
    assert failures == {}
    assert len(result.result.results) == len(manifest.unit_tests) > 8
