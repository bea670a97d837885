"""Erasing a person: what is destroyed and what stays, on whose word, and what shows it afterwards."""
