"""What the entries of a log add up to, held against the tables that a database acts on."""
