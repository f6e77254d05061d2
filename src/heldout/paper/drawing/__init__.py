"""Figures of the report as vector graphics of a given width, drawn with matplotlib from the same plain data."""
