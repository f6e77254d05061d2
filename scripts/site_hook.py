"""What the site of the documentation has beside `docs/` as it is; called by mkdocs (`make docs`).

The pages are written for the repository, where README, CONTRIBUTING and others stand outside `docs/` and a link may
lead to any file. Here these become pages too, and a link to a file that is no page leads to the repository. A link to
nothing is left to mkdocs, which takes it for an error.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent

PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
}
"""File of the repository -> page of the site; those of `docs/` keep their names."""

CODE = re.compile(r"^( *)(```+|~~~+).*?^\1\2`*$|(`+)[^`].*?(?<!`)\3(?!`)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that stand outside `docs/`."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point the links of a page at pages of the site, or at the repository."""
    named = {page: source for source, page in PAGES.items()}
    here = named.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    kept = [(found.start(), found.end()) for found in CODE.finditer(markdown)]

    def pointed(found: re.Match[str]) -> str:
        if any(start <= found.start() < end for start, end in kept):
            return found[0]
        target = led(here, found[2], page.file.src_uri, str(config.extra["repository"]))
        return f"{found[1]}{target}{found[3] or ''}{found[4]}"

    return LINK.sub(pointed, markdown)


def led(here: str, link: str, page: str, repository: str) -> str:
    """Where a link leads on the site.

    Args:
        here: File that the link stands in, from the root of the repository.
        link: The link, without its anchor.
        page: The page that the file becomes, from the root of the site.
        repository: Address of the repository.

    Returns:
        A link to a page, from the page it stands on; an address of the repository; or the link itself if it is an
        address, or leads nowhere.
    """
    if re.match(r"[a-z][a-z0-9+.-]*:", link):
        return link
    path = posixpath.normpath(posixpath.join(posixpath.dirname(here), link))
    if (ROOT / path).is_dir() and path.startswith("docs/"):
        path = f"{path}/README.md"
    if not (ROOT / path).exists():
        return link
    if path in PAGES or path.startswith("docs/"):
        target = PAGES.get(path, path.removeprefix("docs/"))
        return posixpath.relpath(target, posixpath.dirname(page) or ".")
    return f"{repository}/{'tree' if (ROOT / path).is_dir() else 'blob'}/main/{path}"
