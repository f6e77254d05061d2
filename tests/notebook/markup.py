"""An output taken apart as a browser would: its tags, their attributes, what is read, and the bars."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

OURS = {"div", "style", "p", "small", "strong", "em", "ul", "li", "details", "summary", "svg", "rect", "progress"}
OURS |= {"table", "caption", "thead", "tbody", "tr", "th", "td"}


@dataclass
class Markup(HTMLParser):
    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    style: str = ""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags, self.texts, self.style, self._open = [], [], "", [""]
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open.pop() != tag:
            continue

    def handle_data(self, data: str) -> None:
        if self._open[-1] == "style":
            self.style += data
        elif data.strip():
            self.texts.append(" ".join(data.split()))

    @property
    def text(self) -> str:
        return "\n".join(self.texts)

    def bars(self) -> list[tuple[str, float, float]]:
        """Kind, begin and end of every bar, in percent of the axis."""
        rects = [attributes for tag, attributes in self.tags if tag == "rect"]
        return [(r["class"], float(r["x"]), float(r["x"]) + float(r["width"])) for r in rects]


def check_harmless(page: Markup) -> None:
    """Nothing but our own tags, nothing that runs or loads, no style beyond the output."""
    assert {tag for tag, _ in page.tags} <= OURS
    for tag, attributes in page.tags:
        loads = {name for name in attributes if name.startswith("on") or name in ("src", "href", "style")}
        assert not loads, (tag, attributes)
    rules = [rule.split("{")[0] for rule in page.style.split("}") if rule.strip()]
    assert rules and all(one.strip().startswith(".heldout-output") for rule in rules for one in rule.split(","))
    assert "url(" not in page.style and "@import" not in page.style
