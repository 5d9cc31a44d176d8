"""The composition root that Dagster loads: settings -> resources -> Definitions, no logic."""

from __future__ import annotations

from enrich_pipeline.orchestration.repository import build_definitions
from enrich_pipeline.settings import load_settings

defs = build_definitions(load_settings())
