from __future__ import annotations

from tests.report.conftest import crossed, evil, four, stressed, told

__all__ = ["crossed", "evil", "four", "stressed", "told"]
