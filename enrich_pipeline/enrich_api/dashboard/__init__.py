"""The page "Settings > Store data settings > Enrich Order API", as HTML that the service renders itself.

`pages` is read first; `sessions` and `guard` say who may see it, `queries` and `failures` what it reads.
"""
