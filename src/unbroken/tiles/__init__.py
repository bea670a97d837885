"""A log as static files in the layout of C2SP tlog-tiles: written, read back and served, for others' tools."""
