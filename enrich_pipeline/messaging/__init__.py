"""What tells people outside: one webhook. Knows nothing of orders, databases or Dagster."""
