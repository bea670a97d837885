"""What keeps personal data out of the log."""
