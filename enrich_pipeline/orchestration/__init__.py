"""All that is Dagster: start with `flow.py`, which lists the assets in the order the data takes."""
