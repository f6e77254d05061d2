"""The file: offline, escaped, whole, complete, and none of its parts able to sink it."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
import shlex
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from plotly.offline import get_plotlyjs

from heldout.errors import InputError
from heldout.report import build_report, write_report
from heldout.report._blocks import Chart, Charts, Fault, Page, Sheet, Table
from heldout.report._definitions import DEFINITIONS
from heldout.report._material import Material, gather, short_models
from heldout.report._sections import run_command
from heldout.report.figures import Figure, figures
from heldout.report.page import STYLES, TEMPLATES, compose, render
from tests.report.studies import EVIL, EVIL_CLASSES, drop_run, embedded
from tests.worlds.made_study import RUNS, make_study

LOADS = {"src", "href", "srcset", "data", "poster", "action", "background"}


class Elements(HTMLParser):
    """Start tags with their attributes, and the text of scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": []}
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag if tag in self.texts else ""
        if self._inside:
            self.texts[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts[self._inside][-1] += data


def elements(page: str) -> Elements:
    parser = Elements()
    parser.feed(page)
    return parser


def charts(page: Page) -> list[Chart]:
    blocks = [*page.first, *(block for section in page.sections for block in section.blocks)]
    nested = [block.charts if isinstance(block, Charts) else (block,) for block in blocks]
    return [block for group in nested for block in group if isinstance(block, Chart)]


def tables(page: Page) -> dict[str, Table]:
    return {block.id: block for section in page.sections for block in section.blocks if isinstance(block, Table)}


def read(sheet: Sheet) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(sheet.csv())))


def test_the_page_loads_nothing_from_anywhere(evil_page: str) -> None:
    parsed = elements(evil_page)
    for tag, attributes in parsed.tags:
        for name in LOADS & set(attributes):
            value = attributes[name] or ""
            if tag == "a":
                assert value.startswith(("#", "https://")), value  # a link is followed by the reader, not loaded
            else:
                assert value.startswith(("#", "data:")), (tag, name, value)
    ours = "".join(parsed.texts["style"]) + (TEMPLATES / "figures.js").read_text()
    assert not re.search(r"https?:|//[a-z]+\.|@import|url\(|fetch\(|XMLHttp|import\(", ours)
    policy = next(a["content"] or "" for tag, a in parsed.tags if tag == "meta" and "http-equiv" in a)
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy and "connect-src" not in policy and "unsafe-eval" not in policy


def test_plotly_stands_in_it_once_and_whole(evil_page: str) -> None:
    assert evil_page.count("plotly.js v") == get_plotlyjs().count("plotly.js v")
    assert get_plotlyjs() in evil_page


def test_names_cannot_become_markup(evil_page: str) -> None:
    parsed = elements(evil_page)
    assert EVIL not in evil_page.replace(get_plotlyjs(), "")
    assert not [a for tag, a in parsed.tags if tag == "img" or any(name.startswith("on") for name in a)]
    types = [a.get("type") for tag, a in parsed.tags if tag == "script"]
    assert types.count(None) == 2  # plotly.js and ours
    assert set(types) == {None, "application/json"}
    assert "&lt;script&gt;alert(1)" in evil_page  # and they are there, as text


def test_names_cannot_become_markup_inside_figures(evil: Material) -> None:
    for chart in charts(compose(evil)):
        text = str(chart.spec)
        assert "<script" not in text and "<img" not in text and "<b>bold" not in text
        assert "%{x} &" not in text


def test_our_own_files_cannot_end_their_element() -> None:
    for text in [get_plotlyjs(), *((TEMPLATES / name).read_text() for name in (*STYLES, "figures.js"))]:
        assert "</script" not in text.lower() and "</style" not in text.lower() and "<!--" not in text


def test_every_figure_and_table_has_its_buttons_and_data(evil: Material, evil_page: str) -> None:
    page = compose(evil)
    assert len(charts(page)) >= 20  # 12 confusion matrices among them
    for chart in charts(page):
        assert f'data-svg="{chart.id}"' in evil_page and f'data-csv="{chart.id}"' in evil_page
        data = embedded(evil_page, chart.id)
        assert data["csv"] == chart.sheet.csv() and data["figure"]
        assert chart.sheet.rows and chart.description
    for table in tables(page).values():
        assert f'data-csv="{table.id}"' in evil_page
        assert embedded(evil_page, table.id)["csv"] == table.sheet.csv()
    identities = re.findall(r'\sid="([^"]+)"', evil_page.replace(get_plotlyjs(), ""))
    assert len(identities) == len(set(identities))


def test_links_within_the_page_arrive(four_page: str) -> None:
    parsed = elements(four_page)
    identities = {a["id"] for _, a in parsed.tags if "id" in a}
    targets = {(a["href"] or "")[1:] for tag, a in parsed.tags if tag == "a" and (a["href"] or "").startswith("#")}
    assert targets <= identities
    assert len([t for t in targets if t.startswith("def-")]) > 10
    assert {term.id for term in DEFINITIONS} <= identities


def test_tables_are_made_of_headings_with_scope(four_page: str) -> None:
    for tag, attributes in elements(four_page).tags:
        if tag == "th":
            assert attributes["scope"] in ("col", "row")
        if "data-figure" in attributes:
            assert attributes["role"] == "img" and attributes["aria-label"]


def test_the_comparison_csv_holds_every_number_of_the_comparison(evil: Material) -> None:
    rows = read(tables(compose(evil))["scores"].sheet)
    assert len(rows) == len(evil.comparison.runs) == 12
    for text, row in zip(rows, evil.comparison.runs, strict=True):
        assert text["id"] == row.id and int(text["seed"]) == row.seed and text["model"] == row.model
        assert row.test and row.gap_points
        for name, estimate in (
            ("train_accuracy", row.train.accuracy),
            ("val_accuracy", row.val.accuracy),
            ("test_accuracy", row.test.accuracy),
            ("test_auc", row.test.auc),
            ("gap_points", row.gap_points),
            *((f"test_recall_{name}", row.test.recall[name]) for name in EVIL_CLASSES),
        ):
            assert estimate is not None
            assert (float(text[name]), float(text[f"{name}_low"]), float(text[f"{name}_high"])) == (
                estimate.value,
                estimate.low,
                estimate.high,
            )
            assert (int(text[f"{name}_n"]), text[f"{name}_method"]) == (estimate.n, estimate.method)
        assert int(text["oscillation_reversals"]) == row.oscillation.reversals
        assert float(text["oscillation_roughness_points"]) == row.oscillation.roughness_points
        assert text["overfit_epoch"] == ("" if row.overfit_epoch is None else str(row.overfit_epoch))
        assert (text["frozen_verified"], int(text["test_evaluations"])) == (
            str(row.frozen.verified),
            row.test_evaluations,
        )
        assert int(text["trainable_parameters"]) == row.trainable_parameters
        assert float(text["seconds_per_epoch"]) == row.seconds_per_epoch


def test_the_pairs_say_what_the_comparison_says(evil: Material) -> None:
    page = compose(evil)
    table = read(tables(page)["pairs-table"].sheet)
    assert [(r["a"], r["b"], float(r["p_holm"]), r["verdict"]) for r in table] == [
        (p.a, p.b, p.p_holm, p.verdict) for p in evil.comparison.pairs
    ]
    figure = next(chart for chart in charts(page) if chart.id == "pairs")
    assert all(float(row["difference_points"]) >= 0 for row in read(figure.sheet))  # turned: the better run first
    shown = {frozenset((r["a"], r["b"])): float(r["difference_points"]) for r in read(figure.sheet)}
    for pair in evil.comparison.pairs:
        assert shown[frozenset((pair.a, pair.b))] == abs(pair.difference_points.value)
    assert "the table holds all" in figure.caption  # 66 pairs are too many to draw


def test_confusion_counts_are_those_of_the_predictions(evil: Material) -> None:
    for run in evil.runs:
        chart = next(c for c in charts(compose(evil)) if c.id == f"confusion-{run.row.id}")
        test = run.predictions["test"]
        for row in read(chart.sheet):
            mask = test.labels == EVIL_CLASSES.index(row["truth"])
            taken = mask & (test.predicted == EVIL_CLASSES.index(row["predicted"]))
            assert int(row["images"]) == taken.sum()
            assert float(row["share_of_truth"]) == pytest.approx(taken.sum() / mask.sum())
        break


def test_curves_are_the_history(four: Material) -> None:
    page = compose(four)
    for id_, what, scale in (("accuracy-curves", "accuracy", 100), ("loss-curves", "loss", 1)):
        chart = next(chart for chart in charts(page) if chart.id == id_)
        rows = read(chart.sheet)
        for run in four.runs:
            mine = [row for row in rows if row["run"] == run.row.id]
            assert [float(r[f"val_{what}"]) for r in mine] == run.history[f"val_{what}"].tolist()
            line = next(
                t for t in chart.spec["data"] if t.get("legendgroup") == run.row.id and t["mode"] == "lines+markers"
            )
            assert line["y"] == pytest.approx(scale * run.history[f"val_{what}"].to_numpy())
            assert line["line"]["color"] == run.ink


def test_a_run_has_one_colour_and_seeds_share_it(evil: Material) -> None:
    colours: dict[tuple[str, str], set[int]] = {}
    for run in evil.runs:
        colours.setdefault((run.row.model, run.row.strategy), set()).add(run.colour)
    assert all(len(found) == 1 for found in colours.values())
    assert len({next(iter(found)) for found in colours.values()}) == 4
    assert len({(run.colour, run.symbol) for run in evil.runs}) == 12


def test_labels_are_short_and_one_a_run(evil: Material) -> None:
    assert len({run.label for run in evil.runs}) == 12
    assert evil.runs[0].label == "efficientnet_lite0 · finetune · seed 0"
    names = ["torchvision:resnet34.IMAGENET1K_V1", "timm:resnet34.a1_in1k", "file:/a/b/my.pth", "timm:vit_tiny.x"]
    assert short_models(names) == {
        names[0]: "resnet34.IMAGENET1K_V1",
        names[1]: "resnet34.a1_in1k",
        names[2]: "my",
        names[3]: "vit_tiny",
    }


def test_the_models_table_states_and_does_not_invent(four: Material) -> None:
    table = tables(compose(four))["models-table"]
    columns = [column.heading for column in table.columns]
    for row, info in zip(table.rows, four.catalogue.values(), strict=True):
        assert not isinstance(info, str)
        shown = dict(zip(columns, row, strict=True))
        assert (shown["acc@1"].text == "not stated") == (info.acc1 is None)
        assert shown["Parameters"].text == ("~" if "params" in info.computed else "") + f"{info.params:,}"


def test_an_unknown_backbone_is_no_fault(tmp_path: Path) -> None:
    runs = [dataclasses.replace(RUNS[0], model="nobody_knows_me")]
    page = compose(gather(make_study(tmp_path / "s", runs=runs)))
    table = tables(page)["models-table"]
    assert [cell.text for cell in table.rows[0]].count("not stated") == 7
    assert any("nobody_knows_me" in note for note in table.notes)


def broken(material: Material) -> Sequence[Chart]:
    raise ZeroDivisionError(f"planted {EVIL}")


def test_one_broken_figure_does_not_sink_the_page(four: Material, monkeypatch: pytest.MonkeyPatch) -> None:
    assert figures.names()
    monkeypatch.setitem(figures._found, "gap", Figure("gap", "The gap", "comparison", 0, broken))
    page = compose(four)
    faults = [b for s in page.sections for b in s.blocks if isinstance(b, Fault)]
    assert [fault.title for fault in faults] == ["Figure «The gap»"]
    html = render(page)
    assert "ZeroDivisionError: planted &lt;script&gt;" in html
    assert 'id="figure-pairs"' in html and 'id="scores"' in html


def test_one_broken_section_does_not_sink_the_page(four: Material) -> None:
    page = compose(dataclasses.replace(four, catalogue={"torchvision:gone": 3}))  # type: ignore[dict-item]
    assert [b.title for s in page.sections for b in s.blocks if isinstance(b, Fault)] == ["The models"]
    assert tables(page)["scores"]


def test_a_figure_of_another_package_in_an_unknown_section_is_still_shown(
    four: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert figures.names()
    monkeypatch.setitem(figures._found, "new", Figure("new", "New", "no-such-section", 0, broken))
    page = compose(four)
    assert any(isinstance(b, Fault) and "New" in b.title for b in page.sections[-1].blocks)


@pytest.mark.parametrize("figure", list(figures), ids=lambda figure: figure.name)
def test_every_figure_draws_plain_data(figure: Figure, evil: Material, told: Material) -> None:
    drawn = figure.draw(evil) or figure.draw(told)  # some figures are of two classes
    assert drawn, "the studies of the tests have something to draw for every figure"
    for chart in drawn:
        assert chart.caption and chart.description and chart.title
        assert {"data", "layout", "height", "legend", "narrow"} == set(chart.spec)
        roles = set(re.findall(r"'(@\w+)'", str(chart.spec)))
        styles = (TEMPLATES / "page.css").read_text()
        assert all(f"--{role[1:]}:" in styles for role in roles), roles
        numbers = [x for t in chart.spec["data"] for x in t.get("x", []) if isinstance(x, float)]
        assert np.isfinite(numbers).all()


def test_one_run_without_test_makes_a_page(tmp_path: Path) -> None:
    page = compose(gather(make_study(tmp_path / "s", runs=RUNS[:1], n_test=0)))
    assert not [b for s in page.sections for b in s.blocks if isinstance(b, Fault)]
    assert {chart.id for chart in charts(page)} >= {"overview", "accuracy-curves", "loss-curves"}
    assert "no test set" in page.answer.sentences[0]
    assert render(page)


def test_runs_without_test_are_compared_on_validation(tmp_path: Path) -> None:
    page = compose(gather(make_study(tmp_path / "s", n_test=0)))
    assert tables(page)["pairs-table"].caption == "All pairs on validation"
    assert not [b for s in page.sections for b in s.blocks if isinstance(b, Fault)]


def test_the_command_to_make_it_again_holds_how_the_images_were_read(tmp_path: Path) -> None:
    material = gather(make_study(tmp_path / "s", runs=RUNS[:1]))
    reading = {"patient": r"(p\d+)_", "skip-unreadable": True, "no-test": False, "val-fraction": 0.3, "per-class": None}
    command = run_command(dataclasses.replace(material, study=dataclasses.replace(material.study, reading=reading)))
    words = shlex.split(command)
    assert words[words.index("--patient") + 1] == r"(p\d+)_"
    assert words[words.index("--val-fraction") + 1] == "0.3"
    assert "--skip-unreadable" in words
    assert not {"--no-test", "--per-class", "None", "True"} & set(words)


def test_the_reader_finds_n_seeds_settings_looks_and_commands(evil: Material, evil_page: str) -> None:
    text = re.sub(r"<[^>]+>", "", evil_page.replace(get_plotlyjs(), ""))
    for expected in (
        "n = 250",
        "patient bootstrap",
        "The 250 test images were scored 12 times",
        "heldout run",
        "--seeds 3",
        "--set frozen.bn=eval",
        "efficientnet_lite0 · finetune · seed 2",
        evil.study.cohort,
        evil.study.split,
        "1 file left out on request",
        "a truncated file",
        "A note on",
    ):
        assert expected in text, expected
    settings = read(tables(compose(evil))["settings-table"].sheet)
    assert {row["bn"] for row in settings} == {"train", "eval"}


def test_equal_studies_give_equal_files(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "s", runs=RUNS[:2])
    assert build_report(folder) == build_report(folder)


def test_the_file_is_written_whole_where_asked(tmp_path: Path) -> None:
    folder = make_study(tmp_path / "s", runs=RUNS[:1])
    assert write_report(folder) == folder / "report.html"
    out = write_report(folder, tmp_path / "deep" / "mine.html")
    assert out.read_text(encoding="utf-8") == (folder / "report.html").read_text(encoding="utf-8")
    assert [path.name for path in out.parent.iterdir()] == ["mine.html"]


def test_what_is_no_study_or_has_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        write_report(tmp_path)
    folder = make_study(tmp_path / "s", runs=RUNS[:1])
    drop_run(folder, 0)
    with pytest.raises(InputError):
        write_report(folder)
    assert not (folder / "report.html").exists()


def test_csv_is_rfc_4180() -> None:
    sheet = Sheet(("a", "b"), (('say "hi", you', None), (0.1 + 0.2, True)))
    assert sheet.csv() == 'a,b\r\n"say ""hi"", you",\r\n0.30000000000000004,True\r\n'
    with pytest.raises(ValueError, match="2 values under 1 headings"):
        Sheet(("a",), ((1, 2),))


def test_many_classes_stay_readable(tmp_path: Path) -> None:
    classes = tuple(f"class {i:02d}" for i in range(40))
    study = make_study(tmp_path / "s", runs=RUNS[:1], classes=classes, n_train=80, n_val=80, n_test=160)
    material = gather(study)
    chart = next(c for c in charts(compose(material)) if c.id.startswith("confusion"))
    axis = chart.spec["layout"]["xaxis"]
    assert axis["ticktext"] == list(classes[::3]) and axis["tickvals"] == list(range(0, 40, 3))
    assert "texttemplate" not in chart.spec["data"][0]
    assert len(chart.sheet.rows) == 1600
    assert len(tables(compose(material))["recalls-table"].columns) == 41
