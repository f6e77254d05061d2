"""Tables of what went in: models, data, settings, environment."""

from __future__ import annotations

from typing import Any

from heldout.records import PARTS, BackboneInfo
from heldout.report._blocks import Cell, Column, Raw, Table, sheet
from heldout.report._material import Material
from heldout.report._tables_runs import run_cell
from heldout.report._words import number

NOT_STATED = Cell("not stated")


def stated(value: float | None, text: str, computed: bool) -> Cell:
    """A figure of the catalogue; a tilde before what we computed, words for what nobody states."""
    return NOT_STATED if value is None else Cell(f"~{text}" if computed else text)


def model_cells(info: BackboneInfo) -> tuple[Cell, ...]:
    """The cells of one catalogued backbone, its name aside."""

    def cell(field: str, value: float | None, decimals: int, unit: str = "") -> Cell:
        return stated(value, "" if value is None else f"{number(value, decimals)}{unit}", field in info.computed)

    return (
        cell("acc1", info.acc1, 2, " %"),
        cell("acc5", info.acc5, 2, " %"),
        cell("params", info.params, 0),
        cell("gflops", info.gflops, 2),
        cell("file_mb", info.file_mb, 1, " MB"),
        cell("input_size", info.input_size, 0, " px"),
        Cell(info.licence) if info.licence else NOT_STATED,
        Cell("recipe", link=info.recipe) if info.recipe.startswith("https://") else Cell(info.recipe or "not stated"),
    )


def models_table(material: Material) -> Table:
    """What the catalogue says of every backbone used."""
    columns = (
        Column("Model"),
        Column("acc@1", "ImageNet-1K", True, "def-acc1"),
        Column("acc@5", "ImageNet-1K", True, "def-acc1"),
        Column("Parameters", "with own head", True, "def-params"),
        Column("GFLOPs", "a pass", True, "def-gflops"),
        Column("File", "", True),
        Column("Input", "side", True),
        Column("Licence"),
        Column("Trained how"),
    )
    rows: list[tuple[Cell, ...]] = []
    raw: list[list[Raw]] = []
    notes = ["~ marks what was computed here rather than stated by the catalogue; ImageNet accuracy is never computed."]
    for name, info in material.catalogue.items():
        short = next(run.model for run in material.runs if run.row.model == name)
        head = Cell(short, name)
        if isinstance(info, str):
            own = next(run.row.parameters for run in material.runs if run.row.model == name)
            blank = (NOT_STATED,) * 2
            rows.append((head, *blank, Cell(f"{own:,}", "with the new head"), *((NOT_STATED,) * 5)))
            raw.append([name, None, None, own, None, None, None, None, None, "parameters"])
            notes.append(f"{short}: {info}")
        else:
            rows.append((head, *model_cells(info)))
            raw.append([name, info.acc1, info.acc5, info.params, info.gflops, info.file_mb, info.input_size])
            raw[-1] += [info.licence, info.recipe, " ".join(info.computed)]
    header = ["model", "acc1", "acc5", "params", "gflops", "file_mb", "input_size", "licence", "recipe", "computed"]
    return Table("models-table", "The pretrained models", columns, tuple(rows), sheet(header, raw), tuple(notes))


def data_table(material: Material) -> Table:
    """Images of each class in each part, then patients and sites."""
    table = material.cohort.table.set_index("id")
    parts = {part: table.loc[list(material.split.part(part))] for part in PARTS}
    used = table.loc[[id_ for part in PARTS for id_ in material.split.part(part)]]
    columns = (
        Column("Class"),
        *(Column(name, "", True) for name in ("Train", "Validation", "Test", "All")),
    )
    raw: list[list[Raw]] = [
        [name, *(int((frame["label"] == name).sum()) for frame in (*parts.values(), used))] for name in material.classes
    ]
    raw.append(["all images", *(len(frame) for frame in (*parts.values(), used))])
    for noun, column in (("patients", "patient"), ("sites", "site")):
        raw.append([noun, *(int(f.loc[f[column] != "", column].nunique()) for f in (*parts.values(), used))])
    totals = ("all images", "patients", "sites")
    rows = tuple(
        (
            Cell(str(row[0]), strong=place >= len(raw) - len(totals)),
            *(
                Cell("not known" if row[0] in totals[1:] and row[4] == 0 else f"{value:,}")
                for value in row[1:]
                if isinstance(value, int)
            ),
        )
        for place, row in enumerate(raw)
    )
    return Table("data-table", "Images", columns, rows, sheet(["class", "train", "val", "test", "all"], raw))


def excluded_table(material: Material) -> Table | None:
    """Files left out on request, and why."""
    problems = material.cohort.excluded
    if not problems:
        return None
    columns = (Column("File"), Column("Found"), Column("Expected"), Column("What to do"))
    raw: list[list[Raw]] = [[p.where, p.found, p.expected, p.remedy] for p in problems]
    rows = tuple((Cell(p.where, mono=True), Cell(p.found), Cell(p.expected), Cell(p.remedy)) for p in problems)
    return Table("excluded", "Files left out", columns, rows, sheet(["where", "found", "expected", "remedy"], raw))


def setting_text(value: Any) -> str:
    """A setting as `--set` takes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return ",".join(map(setting_text, value))
    return "none" if value is None else str(value)


def settings_table(material: Material) -> Table:
    """Every setting of every run, defaults included."""
    names = list(dict.fromkeys(name for run in material.runs for name in run.recipe.settings))
    fixed = ("weights", "image_size", "fit", "interpolation", "precision", "seed")
    columns = (
        Column("Run"),
        *(Column(name.replace("_", " ")) for name in (*fixed, *names)),
        Column("finished", "UTC"),
        Column("id", "folder in runs/"),
    )
    rows = []
    raw: list[list[Raw]] = []
    for run in material.runs:
        recipe = run.recipe
        first: list[Raw] = [recipe.weights, recipe.image_size, recipe.fit, recipe.interpolation]
        first += [recipe.precision, recipe.seed]
        own = [setting_text(recipe.settings[name]) if name in recipe.settings else None for name in names]
        rows.append(
            (
                run_cell(run),
                Cell(recipe.weights, mono=True),
                *(Cell(str(value)) for value in first[1:]),
                *(Cell("–" if value is None else value) for value in own),
                Cell(run.record.created[:16].replace("T", " ")),
                Cell(run.row.id, mono=True),
            )
        )
        raw.append([run.row.id, *first, *own, run.record.created])
    notes = ("A dash: this strategy has no such setting.", "Weights: the start of the SHA-256 of the tensors.")
    header = ["run", *fixed, *names, "finished"]
    return Table("settings-table", "Settings of every run", columns, tuple(rows), sheet(header, raw), notes)


def flat(data: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested JSON as dotted names."""
    result: dict[str, str] = {}
    for name, value in data.items():
        if isinstance(value, dict):
            result |= flat(value, f"{prefix}{name}.")
        else:
            result[f"{prefix}{name}"] = setting_text(value)
    return result


def environment_table(material: Material) -> Table:
    """Versions and machine; where runs differ, every value with the number of its runs."""
    environments = [flat(run.environment) for run in material.runs]
    names = list(dict.fromkeys(name for environment in environments for name in environment if name != "format"))
    rows = []
    raw: list[list[Raw]] = []
    for name in names:
        values = [environment.get(name, "not recorded") for environment in environments]
        distinct = list(dict.fromkeys(values))
        text = distinct[0] if len(distinct) == 1 else "; ".join(f"{v} ({values.count(v)} runs)" for v in distinct)
        rows.append((Cell(name), Cell(text)))
        raw += [[run.row.id, name, value] for run, value in zip(material.runs, values, strict=True)]
    return Table(
        "environment",
        "Where the runs were made",
        (Column("What"), Column("Value")),
        tuple(rows),
        sheet(["run", "name", "value"], raw),
    )
