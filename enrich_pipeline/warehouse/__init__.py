"""Everything that speaks SQL to the warehouse: the engine, the tables, and one module a table's queries."""
