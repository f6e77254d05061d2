"""`heldout serve` as a process: it tells its address, answers there, stops at Ctrl-C, and says why it cannot begin."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from heldout.cli import ExitStatus
from tests.cli.call import call
from tests.worlds.made_study import RUNS, make_study

COMMAND = [sys.executable, "-c", "import sys; from heldout.cli import main; sys.exit(main(sys.argv[1:]))", "serve"]


def test_it_answers_at_the_address_that_it_tells_until_it_is_stopped(tmp_path: Path) -> None:
    study = make_study(tmp_path / "study", runs=RUNS[:1])
    words = [*COMMAND, str(study), "--port", "0", "--no-browser", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = json.loads("".join(server.stdout.readline() for _ in range(3)))["address"]
            assert address.startswith("http://127.0.0.1:") and len(address.rstrip("/").rpartition("/")[2]) >= 32
            with urlopen(address) as answer:
                assert answer.url.endswith("/overview") and b"Runs" in answer.read()
            with pytest.raises(HTTPError, match="403"):
                urlopen(address.rpartition("/")[0].rpartition("/")[0] + "/guessed/overview")
            server.send_signal(signal.SIGINT)
            _, said = server.communicate(timeout=20)
        finally:
            server.kill()
    assert server.returncode in (ExitStatus.OK, ExitStatus.INTERRUPTED)
    assert "Traceback" not in said


def test_it_says_why_it_cannot_begin(tmp_path: Path) -> None:
    answer = call("serve", tmp_path, "--no-browser")
    assert answer.status == ExitStatus.ERROR and "study.json" in answer.err
    study = make_study(tmp_path / "study", runs=RUNS[:1])
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        answer = call("serve", study, "--no-browser", "--port", other.getsockname()[1])
    assert answer.status == ExitStatus.ERROR and "another program" in answer.err
