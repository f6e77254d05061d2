"""The summary of `heldout inspect` on a terminal."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

WORDS = {"train": "train", "val": "validation", "test": "test", "unassigned": "no split"}

DEFAULT_VAL_FRACTION = 0.2

SHOWN_COPIES = 5
"""Groups of copies in the table; `--json` has all."""

SHOWN_SITES = 10

BARS = " ▁▂▃▄▅▆▇█"


def show(summary: Mapping[str, Any], console: Console) -> None:
    """Print the summary: what there is, what to know, what is wrong."""
    if summary["images"]:
        _heading(summary, console)
        _counts(summary, console)
        _facts(summary, console)
        _copies(summary["copies"], console)
        _changed(summary["changed_copies"], console)
        _excluded(summary["excluded"], console)
        _patient_keys(summary["patient_keys"], console)
        _notes(notes_of(summary), console)
    _verdict(summary, console)


def notes_of(summary: Mapping[str, Any]) -> list[str]:
    """The notes, but for the one that the table of patient keys says."""
    told = (summary["patient_keys"] or {}).get("note")
    return [note for note in summary["notes"] if note != told]


def _heading(summary: Mapping[str, Any], console: Console) -> None:
    line = Text(summary["name"], style="bold")
    several = summary["labels"] == "several"
    what = f"with {len(summary['classes'])} labels" if several else f"of {len(summary['classes'])} classes"
    about = f": {summary['images']:,} images {what}, read as {summary['reader']}"
    console.print(line.append(about, style="not bold"))


def _counts(summary: Mapping[str, Any], console: Console) -> None:
    """Classes × parts, as given; and as a run would split, where something is drawn."""
    split = summary["split"]
    drawn = split is not None and split["seed"] is not None
    tables = [_part_table("As given", summary["given"], summary["classes"])]
    if drawn:
        tables.append(_part_table("As heldout run splits it", split["parts"], summary["classes"]))
    for table in tables:
        console.print()
        console.print(table)
    if drawn:
        console.print(_indented(f"{split['method']}; seed {split['seed']}, hash {split['hash']}"))


def _part_table(title: str, parts: Mapping[str, Any], classes: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column("")
    for part in parts:
        table.add_column(WORDS[part], justify="right")
    for name in classes:
        table.add_row(
            Text(f"  {name}"),
            *(f"{part['classes'][name]:,}{_share(part['classes'][name], part['images'])}" for part in parts.values()),
        )
    if any("unlabelled" in part for part in parts.values()):
        none = [(part["unlabelled"], part["images"]) for part in parts.values()]
        table.add_row("  none of them", *(f"{count:,}{_share(count, total)}" for count, total in none))
    table.add_row("  images", *(f"{part['images']:,}{' ' * 7}" for part in parts.values()), style="bold")
    if any(part["patients"] for part in parts.values()):
        table.add_row("  patients", *(f"{part['patients'] or 0:,}{' ' * 7}" for part in parts.values()))
    return table


def _share(count: int, total: int) -> str:
    return f" {100 * count / total:4.1f} %" if total else ""


def _facts(summary: Mapping[str, Any], console: Console) -> None:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column()
    for word, text in (
        ("Size", _size(summary)),
        ("Colour", _colour(summary)),
        ("Values", _values(summary["values"])),
        ("Patients", _patients(summary["patients"], summary["images"])),
        ("Sites", _sites(summary["sites"])),
        ("Copies", _copies_sentence(summary["copies"])),
        ("Changed copies", _changed_sentence(summary["changed_copies"])),
    ):
        table.add_row(word, Text(text))
    console.print()
    console.print(table)


def _size(summary: Mapping[str, Any]) -> str:
    width, height = summary["width"], summary["height"]
    if summary["different_sizes"] == 1:
        return f"{width['min']} × {height['min']} pixels, all alike"
    return (
        f"{summary['different_sizes']:,} different sizes; width {_range(width)}, height {_range(height)} pixels "
        f"(min – median – max)"
    )


def _range(values: Mapping[str, float]) -> str:
    return f"{values['min']:g} – {values['median']:g} – {values['max']:g}"


def _colour(summary: Mapping[str, Any]) -> str:
    grey, colour = summary["grey"], summary["colour"]
    kind = "all grey" if not colour else "all colour" if not grey else f"{grey:,} grey, {colour:,} colour"
    others = {k: n for k, n in summary["channels"].items() if k not in ("1", "3")}
    if others:
        counts = [f"{grey:,} grey"] * bool(grey) + [f"{colour:,} colour"] * bool(colour)
        kind = ", ".join([*counts, *(f"{n:,} of {k} channels" for k, n in others.items())])
    bits = summary["bits"]
    return f"{kind}; " + ", ".join(
        f"{value} bit{'s' if value != '1' else ''}" + (f" ({count:,})" if len(bits) > 1 else "")
        for value, count in bits.items()
    )


def _values(values: Mapping[str, Any]) -> str:
    """Range of every part, with its histogram in a line."""
    lines = [
        f"{WORDS[part]}: {item['low']:g} … {item['high']:g}  {_bars(item['histogram']['shares'])}"
        for part, item in values["parts"].items()
    ]
    return "\n".join(lines)


def _bars(shares: Sequence[float]) -> str:
    """Heights by the square root, so that rare values show."""
    most = max(shares) or 1.0
    return "".join(BARS[math.ceil((share / most) ** 0.5 * (len(BARS) - 1))] for share in shares)


def _patients(patients: Mapping[str, Any], images: int) -> str:
    if not patients["count"]:
        return "not known"
    known = "" if patients["images"] == images else f", known for {patients['images']:,} of {images:,} images"
    crossing = len(patients["crossing"])
    crossed = f"; {crossing:,} stand in more than one part of the split" if crossing else ""
    return f"{patients['count']:,}{known}; at most {patients['largest']:,} images each{crossed}"


def _sites(sites: Mapping[str, Mapping[str, int]]) -> str:
    if not sites:
        return "not known"
    shown = [
        f"{site} (" + ", ".join(f"{count:,} {WORDS[part]}" for part, count in parts.items()) + ")"
        for site, parts in list(sites.items())[:SHOWN_SITES]
    ]
    more = len(sites) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _copies_sentence(copies: Sequence[Mapping[str, Any]]) -> str:
    if not copies:
        return "none: no two images have the same pixels"
    images = sum(len(group["ids"]) for group in copies)
    across = sum(group["across_splits"] for group in copies)
    differ = sum(group["labels_differ"] for group in copies)
    return f"{images:,} images show {len(copies):,} picture{'s' * (len(copies) != 1)}" + "".join(
        f"; {number:,} {words}"
        for number, words in ((across, "in more than one part of the split"), (differ, "with two labels"))
        if number
    )


def _changed_sentence(changed: Mapping[str, Any]) -> str:
    if not changed["looked_for"]:
        return "not looked for: too many images"
    if not changed["pairs"]:
        return "none found (mirrored, turned, shifted, cropped, other light, colour or file)"
    across = changed["across_splits"]
    return f"{changed['images']:,} images show {changed['pictures']:,} picture{'s' * (changed['pictures'] != 1)}" + (
        f"; {across:,} in more than one part of the split" if across else ""
    )


def _changed(changed: Mapping[str, Any], console: Console) -> None:
    """The first pairs, with how one was changed to give the other."""
    if not changed["pairs"]:
        return
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for pair in changed["pairs"][:SHOWN_COPIES]:
        table.add_row("  ", Text(" ~ ".join(pair["places"])), Text(pair["change"], style="yellow"))
    console.print(table)
    more = len(changed["pairs"]) - SHOWN_COPIES
    if more > 0:
        console.print(_indented(f"… and {more:,} more pairs; --json lists all, --pairs pairs.png shows them"))


def _copies(copies: Sequence[Mapping[str, Any]], console: Console) -> None:
    """The worst groups of copies: two labels first, then across splits."""
    worst = sorted(copies, key=lambda group: (not group["labels_differ"], not group["across_splits"]))
    if not worst:
        return
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for group in worst[:SHOWN_COPIES]:
        flags = ["two labels"] * group["labels_differ"] + ["two parts"] * group["across_splits"]
        table.add_row("  ", Text(" = ".join(group["places"][:4])), Text(", ".join(flags), style="yellow"))
    console.print(table)
    if len(worst) > SHOWN_COPIES:
        console.print(_indented(f"… and {len(worst) - SHOWN_COPIES:,} more pictures; --json lists all"))


def _excluded(excluded: Sequence[Mapping[str, Any]], console: Console) -> None:
    if excluded:
        console.print()
        console.print(Text(f"Left out ({len(excluded):,})", style="bold yellow"))
        _grouped(excluded, console)


def _patient_keys(keys: Mapping[str, Any] | None, console: Console) -> None:
    """What parts of the file names could be the patient, and what the images say of each."""
    if keys is None:
        return
    console.print()
    console.print(Text("Patient keys in the file names, judged by how alike the images are", style="bold"))
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for key in keys["candidates"]:
        table.add_row("  ", _mark(key), Text(f"{key['pattern']}  ({key['keys']:,} keys)"))
        table.add_row("  ", "", Text(key["reason"], style="dim"))
    if keys["given"] is not None:
        table.add_row("  ", _mark(keys["given"]), Text("the patients as named"))
        table.add_row("  ", "", Text(keys["given"]["reason"], style="dim"))
    console.print(table)
    if keys["pattern"] is not None and keys["given"] is None:
        console.print(_indented(f"{keys['patients']:,} patients with --patient {shlex.quote(keys['pattern'])}"))
        if keys["crossing"]:
            torn = f"{keys['crossing']:,} of {keys['patients']:,} stand in more than one part of the given split"
            console.print(
                _indented(
                    f"{torn}: scores on them are too good; drop the split, so that one is drawn.", style="bold red"
                )
            )
    if keys["blocked"] is not None:
        console.print(_indented(keys["blocked"]["words"]))


def _mark(verdict: Mapping[str, Any]) -> Text:
    if verdict["accepted"]:
        return Text("accepted", style="green")
    return Text("refused", style="yellow") if verdict["told"] else Text("not known", style="dim")


def _notes(notes: Sequence[str], console: Console) -> None:
    if not notes:
        return
    console.print()
    console.print(Text("Worth knowing", style="bold"))
    for note in notes:
        console.print(_indented(f"• {note}"))


def _verdict(summary: Mapping[str, Any], console: Console) -> None:
    problems = summary["problems"]
    console.print()
    if not problems:
        console.print(Text("No problems found.", style="bold green"))
        console.print(Text(f"Next: {_next(summary)}", style="dim"))
        return
    count = "1 problem" if len(problems) == 1 else f"{len(problems):,} problems"
    console.print(Text(f"{count}: heldout run would stop here", style="bold red"))
    _grouped(problems, console)
    if any(problem["source"] for problem in problems):
        console.print(_indented("--skip-unreadable goes on without images that cannot be read, and records them."))


def _next(summary: Mapping[str, Any]) -> str:
    """The command that trains on the data as it was read here."""
    options = summary["options"]
    words = ["heldout", "run", summary["data"], "--models", "resnet34,mobilenet_v3_large"]
    for name in ("images", "path_column", "label_column", "ignore", "labels", "label_separator"):
        words += [f"--{name.replace('_', '-')}", options[name]] if options.get(name) else []
    patient = options["patient"] if options["patient"] is not None else summary["patient_option"]
    words += [] if patient is None else ["--patient", patient]
    for name in ("intensity", "channels"):
        words += [f"--{name}", options[name]] * bool(options[name])
    words += ["--skip-unreadable"] * options["skip_unreadable"] + ["--no-test"] * (not options["require_test"])
    if summary["split"]["seed"] is not None:
        words += ["--val-fraction", str(options["val_fraction"])] * (options["val_fraction"] != DEFAULT_VAL_FRACTION)
        words += ["--split-seed", str(options["seed"])] * (options["seed"] != 0)
    return shlex.join(words)


def _grouped(problems: Sequence[Mapping[str, Any]], console: Console) -> None:
    """All problems; those that say the same of different places are said once, with all the places below."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for problem in problems:
        key = (problem["found"], problem["expected"], problem["remedy"])
        groups.setdefault(key, []).append(problem["where"])
    for (found, expected, remedy), places in groups.items():
        console.print()
        if len(places) == 1:
            console.print(_indented(places[0], style="bold"))
        else:
            console.print(_indented(f"{len(places):,} times, in the places below", style="bold"))
        console.print(_indented(f"found     {found}", 4))
        console.print(_indented(f"expected  {expected}", 4))
        console.print(_indented(f"do        {remedy}", 4))
        if len(places) > 1:
            for place in places:
                console.print(_indented(place, 6))


def _indented(text: str, by: int = 2, style: str = "") -> Padding:
    return Padding(Text(text, style=style), (0, 0, 0, by), expand=False)
