"""The five assets, one module a step of the flow, each thin over `enrich_pipeline.steps`."""
