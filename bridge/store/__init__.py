"""The store: PostgreSQL, its tables, and the only SQL there is."""
