"""The commands of `enrich`, a module a job; `enrich_pipeline.cli` puts them together."""
