"""The format: events, entries, lines, hashes, commitments. Pure: no I/O, no clock, no database."""
