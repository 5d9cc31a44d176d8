"""Many clients post while processes of the service are killed: whatever was answered 2xx must be there, exactly once.

`python -m enrich_pipeline_tests.endurance` runs it in full and prints the counts.
"""
