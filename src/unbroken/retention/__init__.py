"""How long what entries hold is kept: periods, policies, what follows from them, and what would change."""
