"""Measurements: speed as ratios taken in one run, and the planted-cause benchmark."""
