"""What an experiment left, read back whole, and refused where a letter of it was changed."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from heldout.diagnosis.results import read_about, read_result, write_result
from heldout.errors import InputError

TABLE = pd.DataFrame({"id": ["a", "b"], "split": "val", "variant": "blurred", "logit_0": [0.5, 1.5]})


def test_what_was_written_is_read(tmp_path: Path) -> None:
    place = tmp_path / "blur.json"
    write_result(place, {"format": 1, "settings": {"sigma": 2}}, TABLE)
    about, table = read_result(place)
    assert about["settings"] == {"sigma": 2} and table is not None
    pd.testing.assert_frame_equal(table, TABLE)
    write_result(place, about, None)
    assert read_result(place)[1] is None and not place.with_suffix(".parquet").exists()


@pytest.mark.parametrize(
    ("old", "new"),
    [('"sigma": 2', '"sigma": 3'), ('"settings"', '"settingt"'), ('"hash"', '"h`sh"'), ('"checksum"', '"checksun"')],
)
def test_a_changed_letter_is_an_error(tmp_path: Path, old: str, new: str) -> None:
    place = tmp_path / "blur.json"
    write_result(place, {"format": 1, "settings": {"sigma": 2}}, TABLE)
    assert old in place.read_text()
    place.write_text(place.read_text().replace(old, new))
    assert read_about(place) == {}
    with pytest.raises(InputError, match="a damaged file"):
        read_result(place)


@pytest.mark.parametrize("about", [{"format": 1, "settings": {}}, {"absent": "no network", "failed": False}])
def test_results_of_0_1_0_have_no_seal(tmp_path: Path, about: dict[str, object]) -> None:
    place = tmp_path / "blur.json"
    place.write_text(json.dumps(about))
    TABLE.to_parquet(place.with_suffix(".parquet"), index=False)
    found, table = read_result(place)
    assert found == about and table is not None


@pytest.mark.parametrize("damage", ["missing", "another"])
def test_a_table_that_is_not_the_one_of_its_json_is_an_error(tmp_path: Path, damage: str) -> None:
    place, file = tmp_path / "blur.json", tmp_path / "blur.parquet"
    write_result(place, {"format": 1}, TABLE)
    file.unlink()
    if damage == "another":
        TABLE.assign(logit_0=9.0).to_parquet(file, index=False)
    with pytest.raises(InputError, match="another checksum, or no such file"):
        read_result(place)


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"a": NaN}', "[" * 5000])
def test_what_is_no_record_is_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "blur.json").write_text(text)
    assert read_about(tmp_path / "blur.json") == {}
    assert read_about(tmp_path / "none.json") == {}
