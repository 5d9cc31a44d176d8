"""What an attacker or a broken client would send to the Enrich Order API, and that it is refused and forgotten.

`cases` is the table, `attempt` sends one of them as bytes on a socket; `python -m enrich_pipeline_tests.hostile` prints
what became of all of them.
"""
