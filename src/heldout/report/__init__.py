"""The report of a study: one HTML file that opens offline; a record first (`page.py`), then its rendering."""

from heldout.report.material import Wanted
from heldout.report.page import build_report, write_report

__all__ = ["Wanted", "build_report", "write_report"]
