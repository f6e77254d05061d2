"""Runs: trained, read back from their folder, compared, and asked about new images."""
