"""Findings from any source of entries: a database, an export. Trusts neither, and imports no store."""
