"""A plausible shop of any size, made from a seed: for the demo, for benchmarks, and for trying the pipeline out.

Read `seed.py` first; it puts the parts together. Amounts are integers of minor units until they become text.
"""

from enrich_pipeline.warehouse.demo_store.seed import SeedSummary, seed_store

__all__ = ["SeedSummary", "seed_store"]
