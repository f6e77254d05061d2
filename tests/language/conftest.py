from __future__ import annotations

import pytest

from tests.language.shown import Shown, all_shown
from tests.report.conftest import evil as evil
from tests.report.conftest import four as four
from tests.report.conftest import told as told
from tests.web.conftest import study as study


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Shown]:
    """The reports of the test studies and every kind of page of the local server, in English."""
    return dict(all_shown(tmp_path_factory.mktemp("language")))
