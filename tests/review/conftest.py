from __future__ import annotations

import pytest

from heldout.runs.folder import StudyFiles
from tests.review.worlds import diagnosed


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyFiles:
    """A diagnosed study; tests put nothing into it but reviews that they remove."""
    return diagnosed(tmp_path_factory.mktemp("reviewed") / "study")
