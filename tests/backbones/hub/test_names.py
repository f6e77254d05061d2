"""Names of networks of the hub: their parts, and what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from heldout.backbones import resolve
from heldout.backbones.hub.names import HubName
from heldout.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("org/net", HubName("org/net")),
        ("org/net@v1.2", HubName("org/net", "v1.2")),
        ("org/net@refs/pr/1:cls", HubName("org/net", "refs/pr/1", "cls")),
        ("org/a-b_c.d:cls+mean", HubName("org/a-b_c.d", "main", "cls+mean")),
    ],
)
def test_the_parts_of_a_name(text: str, expected: HubName) -> None:
    assert HubName.of(text) == expected
    assert HubName.of(str(expected).removeprefix("hub:")) == expected


@pytest.mark.parametrize(
    "text", ["net", "org/net/more", "org/net@", "org/net@a b", "org/net:", "", "/net", "../../etc"]
)
def test_what_is_no_name(cache: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"expected hub:ORG/NAME\[@REVISION\]\[:POOLING\]"):
        HubName.of(text)


def test_an_unknown_pooling_names_those_there_are(cache: Path) -> None:
    with pytest.raises(UsageError, match=r"Found the pooling 'max' .*cls, mean, cls\+mean, map, own"):
        resolve("hub:org/net:max")
