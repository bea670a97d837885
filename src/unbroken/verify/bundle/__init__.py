"""Verifying evidence bundles, as spec/EVIDENCE.md lays them out: no database, no network, nobody believed."""
