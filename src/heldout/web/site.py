"""The study as it is now, for all pages: read when first asked for, and again when its files have changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse

from heldout.language import languages
from heldout.report.material import Material, Wanted, gather
from heldout.report.page import TEMPLATES as REPORT_TEMPLATES
from heldout.report.page import breakable
from heldout.web.files import signature

T = TypeVar("T")

SPOKEN = "heldout.language"
"""Key of a request's scope: the language that it is answered in."""

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Link:
    """A page in the menu."""

    name: str
    title: str


@dataclass
class _Kept:
    """Something that is made once; where making it failed, it is tried again."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    made: bool = False
    value: Any = None


@dataclass
class Site:
    """What pages are given.

    Attributes:
        folder: The study's folder.
        token: First part of every address.
        wanted: By what the study is judged.
        menu: The pages, in their order.
    """

    folder: Path
    token: str
    wanted: Wanted = field(default_factory=Wanted)
    menu: tuple[Link, ...] = ()
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _seen: tuple[Hashable, ...] = ()
    _kept: dict[Hashable, _Kept] = field(default_factory=dict, repr=False)

    @property
    def base(self) -> str:
        """What every address begins with."""
        return f"/{self.token}"

    def material(self) -> Material:
        """The study, its comparison and its diagnoses, as the files are now.

        Raises:
            HeldoutError: No finished run yet, or files that do not fit together.
        """
        return self.kept("material", lambda: gather(self.folder, self.wanted))

    def kept(self, key: Hashable, make: Callable[[], T]) -> T:
        """What was made of the study's files before, or makes it: once, until one of these files changes.

        Args:
            key: What it is called; of what differs from run to run, with the run in it.
            make: Makes it.
        """
        now = signature(self.folder)
        with self._lock:
            if now != self._seen:
                self._kept, self._seen = {}, now
            one = self._kept.setdefault(key, _Kept())
        with one.lock:  # of this alone: others can be asked for while it is made
            if not one.made:
                one.value, one.made = make(), True
            found: T = one.value
            return found

    def answer(self, request: Request, template: str, values: Mapping[str, object], status: int = 200) -> HTMLResponse:
        """A page as HTML; everything that is not our own template is escaped.

        Args:
            request: What was asked.
            template: Name of a file in `templates/`, ours or the report's.
            values: What it is filled with.
            status: HTTP status.
        """
        here = request.url.path.removeprefix(self.base).strip("/").partition("/")[0]
        back = f"{request.url.path.removeprefix(self.base)}?{request.url.query}".removesuffix("?")
        common = {"base": self.base, "menu": self.menu, "here": here, "study": self.folder.resolve().name}
        common |= {"languages": tuple(languages().values()), "spoken": request.scope.get(SPOKEN, ""), "back": back}
        return HTMLResponse(_environment().get_template(template).render({**common, **values}), status)


@cache
def _environment() -> jinja2.Environment:
    """Our templates, and beneath them the report's, with which its blocks are drawn."""
    folders = [jinja2.FileSystemLoader(TEMPLATES), jinja2.FileSystemLoader(REPORT_TEMPLATES)]
    made = jinja2.Environment(
        loader=jinja2.ChoiceLoader(folders),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["breakable"] = breakable
    return made
