"""MLflow: an experiment a name of a study, a run of it a run; the report is a run of its own.

Studies of one name share an experiment, since most are called `study`. Each run says of which study it is, and only the
study's own are ever replaced.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heldout.errors import HeldoutError
from heldout.optional import require
from heldout.trackers._places import blanked
from heldout.trackers.tracker import Sent, TrackedRun, TrackedStudy

STUDY, RUN, HASH, STATE = "heldout.study", "heldout.run", "heldout.hash", "heldout.sent"
"""Tags of a run: its study, its id there, the hash of its files and scores, and that all of it was sent. 0.2.0 wrote no
study: of those runs nobody knows whose they are."""

REPORT = "report"
"""What stands for a run's id in the tags of a report."""

BATCH = 500
"""Metrics a request; MLflow takes at most 1000 (mlflow.utils.validation.MAX_METRICS_PER_BATCH)."""

SETTINGS = 100
"""Settings a request, the most that MLflow takes (MAX_PARAMS_TAGS_PER_BATCH)."""

LONGEST = 6000
"""Characters of a setting's value (mlflow.utils.validation.MAX_PARAM_VAL_LENGTH)."""

QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}
"""Of this process, where the person has not said otherwise: nothing is told to MLflow's makers about a study."""


class MLflow:
    """Settings, scores with the ends of their intervals, curves by epoch, and the run's files with its network."""

    name = "mlflow"
    what = "MLflow; a place is a tracking URI (http://…, sqlite:///…, a folder), by default MLFLOW_TRACKING_URI"

    def send(self, study: TrackedStudy, place: str) -> Sent:
        """Send what is not there yet.

        Raises:
            HeldoutError: MLflow is not installed, or the place cannot be reached.
        """
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        uri = _uri_of(place)
        with _told(uri or "the default place of MLflow"):
            mlflow = require("mlflow", "mlflow")
            client = mlflow.MlflowClient(tracking_uri=uri or None)
            there = _There(client, _experiment(client, study.name), study.id)
            new: list[str] = []
            known: list[str] = []
            for run in study.runs:
                (known if there.has(run.id, run.hash) else new).append(run.id)
            for run in study.runs:
                if run.id in new:
                    _send(there, run)
            _send_report(there, study)
        where = blanked(uri or mlflow.get_tracking_uri())
        look = where if where.startswith("http") else f"mlflow ui --backend-store-uri {where}"
        return Sent(self.name, where, tuple(new), tuple(known), look)


TRACKER = MLflow()


def _uri_of(place: str) -> str:
    """A tracking URI; a folder becomes one, which MLflow has to be told to allow (it prefers databases)."""
    if not place or "://" in place or place.startswith("file:") or place == "databricks":
        if place.startswith("file:"):
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        return place
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    return Path(place).resolve().as_uri()


@contextmanager
def _told(where: str) -> Iterator[None]:
    """What MLflow and the libraries beneath it raise, in a sentence; their own warnings are not the person's."""
    heard = logging.getLogger("mlflow")
    level = heard.level
    heard.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except HeldoutError:
        raise
    except Exception as error:  # of requests, SQLAlchemy, boto3 … as well: whatever the place is reached by
        words = " ".join(blanked(str(error)).split())[:300]  # blanked first: half a URL is none any more
        raise HeldoutError(
            f"The runs could not be sent to {blanked(where)} ({type(error).__name__}: {words}). "
            f"The study is whole; send it again with: heldout track STUDY --to mlflow:PLACE"
        ) from error
    finally:
        heard.setLevel(level)


def _experiment(client: Any, name: str) -> str:
    found = client.get_experiment_by_name(name)
    return str(found.experiment_id if found else client.create_experiment(name))


@dataclass(frozen=True)
class _There:
    """What a study has in an experiment.

    Attributes:
        client: MLflow's, connected.
        experiment: Its id.
        study: Id of the study.
    """

    client: Any
    experiment: str
    study: str

    def has(self, run: str, digest: str) -> bool:
        """Whether that very run is there whole; one of this study that was cut off, or is of an earlier state, goes.

        One of no study's, which 0.2.0 sent, is it if its hash is the same. It stays in either case.
        """
        whole = False
        for one in self._found({RUN: run, STUDY: self.study}):
            if one.data.tags.get(HASH) == digest and _is_whole(one):
                whole = True
            else:
                self.client.delete_run(one.info.run_id)
        return whole or any(
            STUDY not in one.data.tags and _is_whole(one) for one in self._found({RUN: run, HASH: digest})
        )

    def create(self, run: str, digest: str, name: str, start: int | None = None) -> str:
        """Begin a run of this study; MLflow's id of it."""
        tags = {STUDY: self.study, RUN: run, HASH: digest}
        made = self.client.create_run(self.experiment, start_time=start, tags=tags, run_name=name)
        return str(made.info.run_id)

    def _found(self, tags: Mapping[str, str]) -> list[Any]:
        """All of them: those of many studies may be more than a page."""
        wanted = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
        found: list[Any] = []
        token: str | None = None
        while True:
            page = self.client.search_runs([self.experiment], filter_string=wanted, page_token=token)
            found += page
            token = page.token
            if not token:
                return found


def _is_whole(run: Any) -> bool:
    return bool(run.data.tags.get(STATE) == "whole")


def _send(there: _There, run: TrackedRun) -> None:
    from mlflow.entities import Metric, Param

    client = there.client
    begun = round(run.began.timestamp() * 1000)
    ended = begun + round(run.seconds * 1000)
    sent = there.create(run.id, run.hash, run.name, begun)
    called = _legal(run.settings)
    params = [Param(called[name], value[:LONGEST]) for name, value in run.settings.items()]
    epochs = max((len(values) for values in run.curves.values()), default=0)
    legal = _legal([*run.curves, *run.scores])
    metrics = [
        Metric(legal[name], value, begun + round((ended - begun) * n / max(1, epochs)), n)
        for name, values in run.curves.items()
        for n, value in enumerate(values, start=1)
    ]
    metrics += [Metric(legal[name], value, ended, epochs) for name, value in run.scores.items()]
    for start in range(0, len(params), SETTINGS):
        client.log_batch(sent, params=params[start : start + SETTINGS])
    for start in range(0, len(metrics), BATCH):
        client.log_batch(sent, metrics=metrics[start : start + BATCH])
    for file in run.files:
        client.log_artifact(sent, str(file))
    client.set_tag(sent, STATE, "whole")
    client.set_terminated(sent, "FINISHED", end_time=ended)


def _legal(names: Iterable[str]) -> dict[str, str]:
    """Each name as MLflow takes it: classes may be called anything, and two must not become one."""
    found: dict[str, str] = {}
    for name in names:
        part, slash, rest = name.partition("/")
        wanted = re.sub(r"[^\w. -]", "_", part) + slash + re.sub(r"[^\w -]", "_", rest)
        legal, n = wanted, 1
        while legal in found.values():
            legal, n = f"{wanted} {n + 1}", n + 1
        found[name] = legal
    return found


def _send_report(there: _There, study: TrackedStudy) -> None:
    """The report as it is now, in a run that is called after it: MLflow keeps files with runs alone."""
    if study.report is None:
        return
    digest = hashlib.sha256(study.report.read_bytes()).hexdigest()[:16]
    if there.has(REPORT, digest):
        return
    client, sent = there.client, there.create(REPORT, digest, REPORT)
    client.log_artifact(sent, str(study.report))
    client.set_tag(sent, STATE, "whole")
    client.set_terminated(sent, "FINISHED")
