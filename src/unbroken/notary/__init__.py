"""The process that signs checkpoints: it holds the key and remembers what it signed, apart from the database."""
