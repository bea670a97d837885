"""The example that ``unbroken demo`` runs: a clinic, an agent that answers its phone, and ways to forge its record."""
