"""The use cases, free of Dagster: check a day, compute it, upload it, verify it."""
