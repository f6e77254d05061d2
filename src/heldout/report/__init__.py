"""The report of a study: one HTML file that opens offline. A record of the page first (`page.py`), then its rendering."""

from heldout.report.page import build_report, write_report

__all__ = ["build_report", "write_report"]
