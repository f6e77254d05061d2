"""Every `heldout` command of README, CONTRIBUTING and docs/: the real command line understands it, cheap ones run.

`test_every_command_is_understood` takes each of them to the point at which it would begin to work: the command exists,
its options do, its values are legal, it has as many arguments as it wants, and its models and strategies have names
that are known (a repository of the model hub is not asked for: another model stands in for it). `test_they_run` then
carries out those of `RUN_HERE` on one small study.
"""

from __future__ import annotations

import pkgutil
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest
import typer

from heldout.cli.app import build
from heldout.remote.urls import is_url
from tests.cli.call import call
from tests.contract.installed import install
from tests.docs.desk import lay_out, placed, small
from tests.docs.reading import Command, commands
from tests.worlds.made_study import RUNS, make_study

WORK = {
    "run": ("heldout.study.Study.of",),
    "inspect": ("heldout.cli.views.inspect_summary.summarise",),
    "compare": ("heldout.runs.compare.compare_study",),
    "diagnose": (
        "heldout.any_model.diagnose_call",
        "heldout.diagnosis.until_told.run_until_told",
        "heldout.diagnosis.diagnose.diagnose",
    ),
    "report": ("heldout.report.write_report",),
    "serve": ("heldout.web.serving.serve",),
    "stress": ("heldout.runs.stress.score_stresses", "heldout.runs.stress_report.judge_stress"),
    "predict": (
        "heldout.runs.predict.Classifier",
        "heldout.exporting.reading.ExportedClassifier",
        "heldout.handing_over.reading.handed_over",
    ),
    "calibrate": ("heldout.runs.calibrate.calibrate",),
    "export": ("heldout.exporting.export.export",),
    "handover": ("heldout.handing_over.handover.handover",),
    "track": ("heldout.trackers.send.send",),
    "phantom": ("heldout.phantoms.simulate",),
    "demo": ("heldout.demonstration.demonstrate",),
    "paper": ("heldout.paper.write_paper",),
    "review": ("heldout.review.of_study.review_of",),
    "weights": (
        "heldout.backbones.given.add",
        "heldout.backbones.given.kept",
        "heldout.backbones.given.where",
        "heldout.backbones.fetch",
    ),
    "models": ("heldout.backbones.find", "heldout.backbones.make_table.make_table"),
    "causes": ("heldout.diagnosis.causes.manual",),
    "strategies": ("heldout.settings.describe",),
    "plants": ("heldout.settings.describe",),
}
"""Command -> functions in which it begins to work, its words understood."""

RUN_HERE = {"models", "causes", "strategies", "plants", "phantom", "inspect", "compare", "diagnose", "report"}
RUN_HERE |= {"stress", "paper", "predict", "weights"}
"""Commands that are carried out, on one study; `run` is too, once alone and once in folds."""

ONLY_UNDERSTOOD = {
    r"hub:": "needs the model hub",
    r"resnet34-b627a593": "needs torchvision's weights; tests/backbones has it",
    r"--model model\.onnx": "needs a network as ONNX; tests/given has it",
    r"--review": "needs labels that people read; tests/review has it",
    r"^(serve|review|demo)\b": "tests/web, tests/review, tests/cli/test_demo.py have them",
    r"^(export|calibrate|track)\b|predict model\.onnx": "tests/exporting, tests/cli and tests/trackers have them",
    r"^handover\b|predict out/": "tests/handing_over and tests/test_structured_reports.py have them",
    r"weights fetch": "needs the network",
    r"[a-z0-9]://": "needs a store; tests/remote has it",
    r"--on ": "needs a cluster; tests/executors has it",
    r"--lang": "tests/language has it",
    r"--label|new\.png": "needs several labels an image; tests/test_several_labels.py has it",
    r"phantom:cells": "2,000 images; tests/phantoms has it",
    r"^run\b(?!.*resnet34,mobilenet_v3_large)": "takes minutes; one line is run, and tests/cli/test_run.py has others",
    r"ham10000|mhsma|truth\.csv|labels\.csv|set/|corrected\.csv|\.zip": "needs published data; tests/data has them",
    r"^causes inverted": "needs a package with it; tests/contract/test_one_file.py has it",
    r"--patient|--pairs": "needs names that tell patients; tests/data has it",
    r"--refresh": "takes minutes",
    r"--curves|--metric balanced-accuracy --only": "the same work as the line above it; tests/runs has them",
    r"folds/": "needs a cross-validation; tests/runs/test_cross_validation.py has it",
    r"--chosen-on": "tests/diagnosis has it",
}
"""What is not carried out, and why: a pattern of a command line and where it is tested."""

COMMANDS = list(commands())


class Understood(BaseException):
    """The command line was understood: its work would begin."""


def begin(*_: Any, **__: Any) -> NoReturn:
    raise Understood


@contextmanager
def at_work() -> Iterator[None]:
    """In here no command works: it says that it was understood."""
    targets = [target for each in WORK.values() for target in each]
    for target in targets:
        pkgutil.resolve_name(target)  # a module that is first imported in here would keep what stands in for its work
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("heldout.remote.urls.folder_of", of_url)
        for target in targets:
            patch.setattr(target, begin)
        yield
    modules = {name: vars(one) for name, one in tuple(sys.modules.items()) if name.partition(".")[0] == "heldout"}
    assert [name for name, inside in modules.items() if any(one is begin for one in inside.values())] == []


def of_url(text: str | Path) -> Path:
    """A study at a URL is the one of the desk here."""
    return Path(f"study{str(text).partition('/study')[2]}" if is_url(str(text)) else text)


def asked(words: list[str]) -> str:
    """What is wrong with a command line; empty if it was understood."""
    with pytest.MonkeyPatch.context() as patch:
        if "--label" in words:  # the study here has one class an image
            patch.setattr("heldout.runs.one_label.questions", begin)
            patch.setattr("heldout.runs.one_label.of_label", begin)
        try:
            answer = call(*words)
        except Understood:
            return ""
    return "" if answer.status == 0 else answer.err


def options_known(words: tuple[str, ...]) -> str:
    """What is wrong with the command and the options that a sentence names."""
    command: Any = typer.main.get_command(build())
    for word in words:
        inner = getattr(command, "commands", {})
        if word in inner:
            command = inner[word]
    if hasattr(command, "commands") and words[0] not in ("weights",):
        return f"no command {words[0]}"
    known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    return ", ".join(word for word in words if word.startswith("--") and word not in known)


def faults(judge: Callable[[Command], str], chosen: list[Command]) -> list[str]:
    return [f"{command}\n    {fault}" for command in chosen if (fault := judge(command))]


def test_there_are_commands() -> None:
    whole = [command for command in COMMANDS if command.whole]
    assert len(whole) > 80 and len(COMMANDS) - len(whole) > 40
    assert {command.words[0] for command in COMMANDS} <= set(WORK)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study that was made without training, and what else commands ask for before they begin."""
    folder = tmp_path_factory.mktemp("desk")
    make_study(folder / "study", runs=RUNS[:1], n_train=12, n_val=12, n_test=12, epochs=2)
    for other in ("again", "full", "val-test-study", "study/folds/0-1"):
        (folder / other).parent.mkdir(exist_ok=True, parents=True)
        (folder / other).symlink_to(folder / "study")
    (folder / "new").mkdir()
    (folder / "new" / "a.png").touch()
    (folder / "model.json").write_text('{"size": 224, "output": "logits"}')
    return folder


def test_every_command_is_understood(desk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk)
    install(monkeypatch, tmp_path / "package")  # CONTRIBUTING speaks of the cause that it adds
    (run,) = (desk / "study" / "runs").iterdir()
    whole = [command for command in COMMANDS if command.whole]
    with at_work():
        found = faults(lambda command: asked(placed(command.words, run.name)), whole)
    assert found == []


def test_what_sentences_name_exists() -> None:
    parts = [command for command in COMMANDS if not command.whole]
    assert faults(lambda command: options_known(command.words), parts) == []


@pytest.mark.parametrize(
    "line",
    [
        "run images --models resnet43",
        "run images --models resnet34 --strategies frozn",
        "run images --models resnet34 --set finetune.layer_decoy=0.8",
        "run images --models resnet34 --fit squash",
        "compare study --metrics accuracy",
        "compare study --metric acuracy",
        "compare",
        "diagnoze study",
        "phantom bad --plant blurr=2",
        "stress study --only defocuss",
    ],
)
def test_a_fault_is_noticed(line: str, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk)
    with at_work():
        assert asked(shlex.split(line))


def reason(command: Command) -> str:
    """Why a command is not carried out here; empty if it is."""
    line = shlex.join(command.words)
    if command.words[0] not in RUN_HERE | {"run"}:
        return "see ONLY_UNDERSTOOD"
    return next((why for pattern, why in ONLY_UNDERSTOOD.items() if re.search(pattern, line)), "")


def test_most_kinds_are_carried_out() -> None:
    chosen = [command for command in COMMANDS if command.whole and not reason(command)]
    assert {command.words[0] for command in chosen} == RUN_HERE | {"run"}
    lines = [shlex.join(command.words) for command in COMMANDS if command.whole]
    assert [pattern for pattern in ONLY_UNDERSTOOD if not any(re.search(pattern, line) for line in lines)] == []


@pytest.mark.slow
def test_they_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of a person's day: what makes comes before what reads."""
    monkeypatch.chdir(tmp_path)
    lay_out(tmp_path)
    order = ["phantom", "inspect", "run", "compare", "diagnose", "report", "stress", "predict", "paper"]
    chosen = [command for command in COMMANDS if command.whole and not reason(command)]
    chosen.sort(key=lambda command: order.index(command.words[0]) if command.words[0] in order else -1)
    ran: dict[tuple[str, ...], None] = {}
    failed: list[str] = []
    for command in chosen:
        run = next((path.parent.name for path in sorted(tmp_path.glob("study/runs/*/run.json"))), "RUN")
        words = tuple(small(placed(command.words, run)))
        if words in ran:
            continue
        ran[words] = None
        answer = call(*words)
        if answer.status or not answer.out + answer.err:
            failed.append(f"{command}\n{answer.err}")
    assert failed == []
    for name in (
        "cells/truth.json",
        "two/truth.json",
        "study/report.html",
        "val-test-study/report.html",
        "answers.csv",
    ):
        assert (tmp_path / name).is_file(), name
