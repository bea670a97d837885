"""Services that keep keys and use them for others, as whoever the environment names: AWS KMS, transit engines."""
