"""Order profit from the warehouse to the Enrich Order API, day by day, with proof that it arrived."""
