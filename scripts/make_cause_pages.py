"""Make docs/causes: one manual page a cause from its docstring, and an index.

python scripts/make_cause_pages.py           # write them
python scripts/make_cause_pages.py --check   # only say which are out of date; exit status 1 if any is
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from heldout.diagnosis.causes import Cause, causes, manual
from heldout.files import write_text

FOLDER = Path(__file__).parent.parent / "docs" / "causes"

LEVELS = {
    0: "lies in the data or in training",
    1: "a shift of appearance; causes of level 0 may stand behind it",
    2: "a mechanism that other causes act through, or a trait of training",
}

MADE = "<!-- Made by scripts/make_cause_pages.py from the docstring; edit that. -->"


def pages() -> dict[str, str]:
    """Name of a file in docs/causes -> its text."""
    made = {f"{cause.code}.md": page(cause) for cause in causes}
    made["README.md"] = index()
    return made


def page(cause: Cause) -> str:
    """The manual page of one cause."""
    summary, parts = manual(cause)
    experiments = ", ".join(f"`{name}`" for name in cause.interventions) or "none, only predictions and measurements"
    lines = [MADE, "", f"# {cause.title}", "", f"`{cause.code}`: {flowing(summary)}", ""]
    for part, text in parts.items():
        lines += [f"## {part}", "", flowing(text), ""]
    lines += [
        "## In short",
        "",
        f"- Remedy: {cause.remedy}",
        f"- Experiments it judges from: {experiments}.",
        f"- Level {cause.level}: {LEVELS[cause.level]}.",
    ]
    return "\n".join(lines) + "\n"


def index() -> str:
    """The table of all causes."""
    lines = [
        MADE,
        "",
        "# Causes",
        "",
        "What `heldout diagnose` asks for when test is lower than validation. `heldout causes CODE` prints the same.",
        "",
        "| cause | code | what it is |",
        "|---|---|---|",
    ]
    for cause in sorted(causes, key=lambda cause: (cause.level, cause.code)):
        summary = flowing(manual(cause)[0]).replace("|", "\\|")
        lines.append(f"| [{cause.title}]({cause.code}.md) | `{cause.code}` | {summary} |")
    return "\n".join(lines) + "\n"


def flowing(text: str) -> str:
    """Paragraphs of a docstring without its line breaks, underscores and asterisks kept as they are meant."""
    paragraphs = [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]
    return "\n\n".join(paragraph.replace("*", "\\*") for paragraph in paragraphs)


def outdated() -> list[str]:
    """Files of docs/causes that differ from what would be made, or that no cause has."""
    made = pages()
    there = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")} if FOLDER.is_dir() else {}
    return sorted(name for name in {*made, *there} if made.get(name) != there.get(name))


def main() -> None:
    """Write the pages, or check them."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--check", action="store_true", help="write nothing; fail if a page is out of date")
    differing = outdated()
    if arguments.parse_args().check:
        print("\n".join(differing) or "all pages are current")
        sys.exit(1 if differing else 0)
    made = pages()
    for name in differing:
        if name in made:
            write_text(FOLDER / name, made[name])
        else:
            (FOLDER / name).unlink()
    print(f"{len(made)} pages, {len(differing)} of them changed")


if __name__ == "__main__":
    main()
