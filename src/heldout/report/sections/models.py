"""What was known of each pretrained model before it saw these images."""

from __future__ import annotations

from collections.abc import Sequence

from heldout.answer.texts import number
from heldout.records import BackboneInfo
from heldout.report.blocks import Block, Cell, Column, Table
from heldout.report.material import Material
from heldout.report.section import Section

UNSTATED = "not stated"

COLUMNS = (
    Column("Model", saved_as=("model",)),
    Column("acc@1", "ImageNet-1K", True, "def-acc1", saved_as=("acc1",)),
    Column("acc@5", "ImageNet-1K", True, "def-acc1", saved_as=("acc5",)),
    Column("Parameters", "with own head", True, "def-params", saved_as=("params",)),
    Column("GFLOPs", "a pass", True, "def-gflops", saved_as=("gflops",)),
    Column("File", "", True, saved_as=("file_mb",)),
    Column("Input", "side", True, saved_as=("input_size",)),
    Column("Licence", saved_as=("licence",)),
    Column("Trained how", saved_as=("recipe",)),
    Column("Computed", saved_as=("computed",), shown=False),
)


def catalogued(info: BackboneInfo) -> tuple[Cell, ...]:
    """The cells of a catalogued backbone, its name aside; a tilde before what the catalogue does not state."""

    def figure(field: str, value: float | None, decimals: int, unit: str = "") -> Cell:
        tilde = "~" if field in info.computed else ""
        text = UNSTATED if value is None else f"{tilde}{number(value, decimals)}{unit}"
        return Cell(text, saved=(value,))

    recipe = Cell("recipe", link=info.recipe) if info.recipe.startswith("https://") else Cell(info.recipe or UNSTATED)
    return (
        figure("acc1", info.acc1, 2, " %"),
        figure("acc5", info.acc5, 2, " %"),
        figure("params", info.params, 0),
        figure("gflops", info.gflops, 2),
        figure("file_mb", info.file_mb, 1, " MB"),
        figure("input_size", info.input_size, 0, " px"),
        Cell(info.licence or UNSTATED, saved=(info.licence,)),
        Cell(recipe.text, saved=(info.recipe,), link=recipe.link),
        Cell("", saved=(" ".join(info.computed),)),
    )


def uncatalogued(parameters: int | None) -> tuple[Cell, ...]:
    """The cells of a backbone that the catalogue does not know here."""
    unknown = Cell(UNSTATED, saved=(None,))
    counted = unknown if parameters is None else Cell(f"{parameters:,}", "with the new head", (parameters,))
    return (unknown, unknown, counted, *(unknown,) * 5, Cell("", saved=("parameters",)))


def models_table(material: Material) -> Table:
    """What the catalogue says of every backbone used."""
    rows: list[tuple[Cell, ...]] = []
    notes = ["~ marks what was computed here rather than stated by the catalogue; ImageNet accuracy is never computed."]
    for name, info in material.catalogue.items():
        run = next(row for row in material.runs if row.model == name)
        short = material.names[run.id].model
        head = Cell(short, name, (name,))
        if isinstance(info, str):
            rows.append((head, *uncatalogued(run.parameters)))
            notes.append(f"{short}: {info}")
        else:
            rows.append((head, *catalogued(info)))
    return Table("models-table", "The pretrained models", COLUMNS, tuple(rows), tuple(notes))


def blocks(material: Material) -> Sequence[Block]:
    """The catalogue's table; none where every model was given."""
    return (models_table(material),) if material.catalogue else ()


SECTION = Section(
    "models", "The models", "What was known of each pretrained model before it saw these images.", 400, blocks
)
