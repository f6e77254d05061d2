"""`heldout models`: every set of pretrained weights with what is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from heldout.cli.env import Environment, environment
from heldout.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from heldout.records import BackboneInfo

DETAILED = 3
"""Up to so many rows also show what has no room in a table: recipe, mean, std, interpolation."""

ON_ONE_SCREEN = 100
"""Longer lists are printed as plain lines."""

NOT_STATED = "not stated"

TITLES = ("model", "acc@1", "acc@5", "parameters", "GFLOPs", "file MB", "input", "here", "licence")
TEXTS = ("model", "here", "licence")


def models(
    context: typer.Context,
    pattern: Annotated[
        str, typer.Argument(help="Part of a name, a glob, or hub:ORG/NAME: resnet34, 'timm:convnext*'.")
    ] = "",
    sort: Annotated[
        Literal["name", "acc1", "params", "gflops", "size"] | None,
        typer.Option(help="Order of the rows: acc1 from the best down, the others from the smallest up."),
    ] = None,
    source: Annotated[str, typer.Option(help="Only this source of weights, e.g. timm.")] = "",
    here: Annotated[bool, typer.Option("--here", help="Only weights that are on this machine.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Make the catalogue anew from the installed libraries (minutes).")
    ] = False,
) -> None:
    """List pretrained models: ImageNet accuracy, parameters, GFLOPs, file size, input size, licence, and if it is here.

    GFLOPs are multiply-adds of one forward pass in 10^9, as the field counts them. `~` marks what we computed because
    the library does not state it; ImageNet accuracy is never computed.
    """
    env = environment(context)
    if refresh:
        _refresh(env)
    rows = _rows(pattern, source, here)
    if sort:
        rows.sort(key=lambda row: _order(row[0], sort))
    if json_:
        from heldout.records.codec import to_data

        env.json({"format": 1, "models": [{**to_data(info), "here": is_here} for info, is_here in rows]})
    else:
        _print(env, rows)
    _notes(env, rows, pattern, source, here)


COMMAND = models


def _refresh(env: Environment) -> None:
    from heldout.backbones.make_table import known_rows, make_table
    from heldout.backbones.table import own_table_path

    env.error("Making the catalogue anew; models that are new to it are counted one by one.")
    path = own_table_path()
    count = make_table(path, known_rows())
    env.error(f"{count} models in {path}")


def _rows(pattern: str, source: str, only_here: bool) -> list[tuple[BackboneInfo, bool]]:
    from heldout.backbones import find
    from heldout.backbones.lookup import entries, named
    from heldout.backbones.sources import sources

    if source and source not in sources.names():
        raise UsageError(f"Unknown source '{source}'. There are: {', '.join(sources.names())}.")
    present = {entry.info.name for entry in entries() if sources.get(entry.info.source).here(entry)}
    rows = [(info, info.name in present) for info in find(pattern) if source in ("", info.source)]
    beyond = None if rows or source else named(pattern)
    if beyond is not None:
        rows = [(beyond.info, sources.get(beyond.info.source).here(beyond) is not None)]
    return [row for row in rows if row[1] or not only_here]


def _order(info: BackboneInfo, sort: str) -> tuple[bool, float, str]:
    values = {"acc1": info.acc1, "params": info.params, "gflops": info.gflops, "size": info.file_mb, "name": 0}
    value = values[sort]
    if value is None:  # what is not stated comes last, in either direction
        return True, 0.0, info.name
    return False, -value if sort == "acc1" else value, info.name


def _number(info: BackboneInfo, field: str, text: str) -> str:
    value = getattr(info, field)
    if value is None or (field == "params" and not value):
        return NOT_STATED if field.startswith("acc") else "unknown"
    return ("~" if field in info.computed else "") + text.format(value)


def _gflops(info: BackboneInfo) -> str:
    # Two decimals as the founding experiment's table has them; more for networks that would else read 0.00.
    small = info.gflops is not None and info.gflops < 0.1
    return _number(info, "gflops", "{:.3f}" if small else "{:,.2f}")


def _cells(info: BackboneInfo, is_here: bool) -> tuple[str, ...]:
    return (
        info.name,
        _number(info, "acc1", "{:g}"),
        _number(info, "acc5", "{:g}"),
        _number(info, "params", "{:,}"),
        _gflops(info),
        _number(info, "file_mb", "{:,.1f}"),
        _number(info, "input_size", "{}"),
        "yes" if is_here else "no",
        info.licence or NOT_STATED,
    )


def _print_table(env: Environment, lines: Sequence[tuple[str, ...]]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in TITLES:
        if heading in TEXTS:
            table.add_column(heading, overflow="fold")
        else:
            table.add_column(heading, justify="right", no_wrap=True)
    for line in lines:
        table.add_row(*line)
    env.console().print(table)


def _print_lines(env: Environment, lines: Sequence[tuple[str, ...]]) -> None:
    """The same columns without rich, which takes seconds for two thousand rows."""
    columns = list(zip(*[TITLES, *lines], strict=True))
    widths = [max(map(len, column)) for column in columns]
    for line in [TITLES, *lines]:
        cells = [
            cell.ljust(width) if heading in TEXTS else cell.rjust(width)
            for heading, cell, width in zip(TITLES, line, widths, strict=True)
        ]
        env.say("  ".join(cells).rstrip())


def _print(env: Environment, rows: Sequence[tuple[BackboneInfo, bool]]) -> None:
    lines = [_cells(info, is_here) for info, is_here in rows]
    if len(lines) <= ON_ONE_SCREEN:
        _print_table(env, lines)
    else:
        _print_lines(env, lines)
    if len(rows) <= DETAILED:
        for info, _ in rows:
            _print_details(env, info)
    if any(info.computed for info, _ in rows):
        env.say("~ computed by us: the library does not state it (file size: 4 bytes a parameter, or the file itself)")


def _print_details(env: Environment, info: BackboneInfo) -> None:
    from heldout.records.backbone import CONCAT

    env.say(info.name)
    env.say(f"  recipe         {info.recipe or NOT_STATED}")
    of_each = f"mean {_triple(info.mean)}, std {_triple(info.std)}, on the scale 0 to 1"
    env.say(f"  normalisation  {'of each network its own' if info.source == CONCAT else of_each}")
    env.say(f"  resized by     {info.interpolation}")
    env.say(f"  licence        {info.licence or NOT_STATED}")


def _triple(values: Sequence[float]) -> str:
    return " ".join(f"{value:g}" for value in values)


def _notes(env: Environment, rows: Sequence[object], pattern: str, source: str, here: bool) -> None:
    from heldout.backbones import version_note

    note = version_note()
    if note:
        env.error(note)
    if not rows:
        env.error(_nothing_found(pattern, source, here))


def _nothing_found(pattern: str, source: str, here: bool) -> str:
    """What was asked for that nothing answers to, and what to leave out."""
    if not pattern and source == "hub":
        return "No repository of the model hub is in its cache on this machine; any is asked for as hub:ORG/NAME."
    asked = [f"pattern '{pattern}'"] * bool(pattern) + [f"--source {source}"] * bool(source) + ["--here"] * here
    return f"No model matches {' with '.join(asked)}. Leave {'one of these' if asked[1:] else 'it'} out to list more."
