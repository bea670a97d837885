"""The vault: what was really said, sealed to keys that nobody who records holds."""
