"""The rules that need no database, network or clock: days, payloads, windows, states, diagnosis."""
