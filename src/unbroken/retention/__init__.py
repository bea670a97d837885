"""How long content is kept: periods, policies and what follows from them for an entry. Not wired to a database yet."""
