"""What a recorder keeps on its own disk while the log can't be reached. ``spooling`` is where the ledger comes in."""
