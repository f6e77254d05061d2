"""A run as a folder that somebody else can run: model, thresholds, card, checksums, 40 lines of Python, self-test."""
