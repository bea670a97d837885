"""Finds personal data and secrets in events, and puts placeholders in their place before anything is stored."""
