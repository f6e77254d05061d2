"""The widgets in Python, by their messages."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from heldout.errors import HeldoutError
from heldout.notebook.album import PAGE
from heldout.records import Diagnoses
from heldout.review.of_study import review_of
from heldout.runs.folder import read_study
from tests.notebook.conftest import study_in

pytest.importorskip("anywidget", reason="widgets need the extra notebook")


def test_the_gallery_sends_a_page_of_pictures_and_keeps_none(told_folder: Path, told: Diagnoses) -> None:
    widget = study_in(told_folder).gallery()
    sent: list[tuple[Any, Any]] = []
    widget.send = lambda content, buffers=None: sent.append((content, buffers))
    widget._handle_custom_msg({"kind": "page", "ask": "1/0", "start": 0, "count": 500, "part": "test"}, [])
    ((content, buffers),) = sent
    assert content["total"] == 120 and len(buffers) == PAGE and buffers[0][:2] == b"\xff\xd8"
    state = {name: value for name, value in widget.get_state().items() if not name.startswith("_")}
    assert len(json.dumps(state, default=str)) < 2000, "what is saved with a notebook holds no picture"
    assert repr(widget) == "Gallery of efficientnet_lite0 (finetune): 620 images"


def test_the_review_writes_what_a_message_says(told_folder: Path, told: Diagnoses, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(told_folder, tmp_path / "study"))
    widget = study_in(folder).review(reader="Ada")
    sent: list[Any] = []
    widget.send = lambda content, buffers=None: sent.append(content)
    widget._handle_custom_msg({"kind": "next"}, [])
    widget._handle_custom_msg({"kind": "read", "token": sent[0]["token"], "label": 1}, [])
    assert sent[1]["read"] == 1
    (reading,) = review_of(read_study(folder)).snapshot().readings
    assert reading.label == "pneumonia"


def test_without_the_extra_it_is_said_how_to_get_it(told_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "anywidget" else found(name))
    for call in (lambda: study_in(told_folder).gallery(), lambda: study_in(told_folder).review("Ada")):
        with pytest.raises(HeldoutError, match=r"pip install 'heldout\[notebook\]'"):
            call()
