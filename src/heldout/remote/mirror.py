"""DATA at a URL as files of our cache: tables and arrays are fetched, an image when it is first decoded.

Until then a *stand-in* lies in its place: a small file that says what the store has there. So a table may name a part
of a large bucket, and what was measured by an earlier command is fetched by none. What the store has is asked of each
command anew: an object with another version gets a new stand-in, and one that is gone loses its file.
"""

from __future__ import annotations

import json
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from heldout.claims import claim_of, hold
from heldout.errors import InputError, Problem, UsageError
from heldout.files import cache_folder, hash_of, read_json, temporary_of, write_json
from heldout.progress import Reporter
from heldout.remote.store import Store, Stored, StoreError
from heldout.remote.urls import DATA, are_names, joined, place_of, url_of

MARK = b"heldout stand-in of an object\n"
"""How a stand-in begins; the rest is JSON. No format of images begins so."""

AT_ONCE = 16
"""Objects that are asked for at once: a store answers a request in tens of milliseconds, however small the object."""

LATEST = 64
"""Images that are kept however large they are: threads may be decoding them."""

Lazily = Callable[[str], bool]
"""Whether an object of that name is fetched only when it is decoded."""


def mirrored_folder(url: str, lazily: Lazily, reporter: Reporter) -> Path:
    """The folder that stands for one in a store, as it is now.

    Args:
        url: Of the folder.
        lazily: Which objects get a stand-in.
        reporter: Is told of what is fetched, and of what has changed.

    Raises:
        InputError: There is nothing, or names that no folder can have.
        StoreError: It is forbidden, or the store cannot be reached.
    """
    url = url.rstrip("/")
    place = place_of(url, DATA)
    found = {joined(url, name): about for name, about in Store(url).list().items()}
    if not found:
        expected = "a folder with images, or a table, an archive or an array"
        raise InputError([Problem(url, "nothing that lies there", expected, "Correct the URL.")])
    problems = _unnameable(url, found)
    if problems:
        raise InputError(problems, title=f"{url} cannot be used as a folder")
    _hold(url, lambda one: one.startswith(f"{url}/"), found, lazily, reporter)
    return place


def mirrored_files(urls: Iterable[str], lazily: Lazily, reporter: Reporter) -> None:
    """Files that stand for single objects; what is not there has none, which whoever reads it says.

    Args:
        urls: Of the objects.
        lazily: As for `mirrored_folder`.
        reporter: Likewise.

    Raises:
        UsageError: A URL that names nothing.
        StoreError: One is forbidden, or the store cannot be reached.
    """
    wanted = list(dict.fromkeys(urls))
    for url in wanted:
        place_of(url, DATA)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(zip(wanted, pool.map(lambda url: _store_of(url).about(_name(url)), wanted), strict=True))
    there = {url: about for url, about in found.items() if about is not None}
    for top in sorted({_top(url) for url in wanted}):
        own = {url: about for url, about in there.items() if _top(url) == top}
        _hold(top, found.__contains__, own, lazily, reporter)


def filled(place: Path) -> bool:
    """Fetch the object whose stand-in a file is; False where it is none, or of no mirror.

    Raises:
        StoreError: It is gone or forbidden, or the store cannot be reached.
    """
    url = url_of(place, DATA)
    if url is None:
        return False
    try:
        content = place.read_bytes()
        about = json.loads(content.removeprefix(MARK)) if content.startswith(MARK) else None
    except (OSError, ValueError):
        about = None
    if about is None:
        return False
    stored = Stored(int(about["size"]), str(about["version"]))
    _store_of(url).get(_name(url), place, stored)
    _ROOM.add(url, stored, place.stat().st_size)
    return True


def _limit() -> float:
    """Bytes of images that a command keeps in the cache: $HELDOUT_IMAGES_GB, or any number.

    Raises:
        UsageError: It is no number.
    """
    given = os.environ.get("HELDOUT_IMAGES_GB", "inf")
    try:
        return float(given) * 1e9
    except ValueError as error:
        raise UsageError(f"Found HELDOUT_IMAGES_GB={given}; expected a number of gigabytes, as 50.") from error


class _Room:
    """Images that this process fetched, the oldest first: where they take too much room, their stand-ins come back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fetched: deque[tuple[str, Stored, int]] = deque()
        self._bytes = 0

    def add(self, url: str, about: Stored, size: int) -> None:
        """One more; the oldest ones give way."""
        limit = _limit()
        with self._lock:
            self._fetched.append((url, about, size))
            self._bytes += size
            while self._bytes > limit and len(self._fetched) > LATEST:
                oldest, known, freed = self._fetched.popleft()
                self._bytes -= freed
                _stand_in(oldest, known)


_ROOM = _Room()


def _store_of(url: str) -> Store:
    """The store of an object's folder."""
    return Store(url.rpartition("/")[0])


def _top(url: str) -> str:
    """Its bucket, container or host."""
    return "/".join(url.split("/")[:3])


def _name(url: str) -> str:
    return url.rpartition("/")[2]


def _unnameable(url: str, found: Mapping[str, Stored]) -> list[Problem]:
    """Objects whose names are no paths below a folder, or are both a file and a folder."""
    folders = {url_of_folder for one in found for url_of_folder in _parents(one, url)}
    expected, remedy = "names that files in folders can have", "Rename the object, or name a folder beside it."
    problems = [
        Problem(one, "a name with an empty part, '.' or '..' in it", expected, remedy)
        for one in found
        if not are_names(one.removeprefix(f"{url}/").split("/"))
    ]
    both = [one for one in found if one in folders]
    return problems + [Problem(one, "an object and a folder of one name", expected, remedy) for one in both]


def _parents(one: str, top: str) -> Iterable[str]:
    while (one := one.rpartition("/")[0]) and len(one) > len(top):
        yield one


@dataclass
class _Held:
    """What was held of a bucket when commands last looked.

    Attributes:
        file: Where that is kept.
        known: URL -> object.
    """

    file: Path
    known: dict[str, Stored] = field(default_factory=dict)

    @classmethod
    def of(cls, url: str) -> _Held:
        """What is kept of the bucket of a URL; nothing where that cannot be read."""
        held = cls(cache_folder() / DATA / ".held" / f"{hash_of(_top(url), 16)}.json")
        with suppress(OSError, ValueError, TypeError, AttributeError):
            objects = read_json(held.file)["objects"]
            held.known = {url: Stored(int(size), str(version)) for url, (size, version) in objects.items()}
        return held

    def save(self) -> None:
        """Write it down."""
        objects = {url: [about.size, about.version] for url, about in self.known.items()}
        write_json(self.file, {"format": 1, "objects": objects})


def _hold(
    url: str, asked: Callable[[str], bool], found: Mapping[str, Stored], lazily: Lazily, reporter: Reporter
) -> None:
    """Bring the files of what was asked for up to date."""
    file = _Held.of(url).file
    file.parent.mkdir(parents=True, exist_ok=True)
    with hold(claim_of(file)):  # another command may be at the same data
        held = _Held.of(url)
        gone = [one for one in held.known if asked(one) and one not in found]
        for one in gone:
            place_of(one, DATA).unlink(missing_ok=True)
            del held.known[one]
        changed = [one for one, about in found.items() if one in held.known and held.known[one] != about]
        anew = [
            one for one, about in found.items() if held.known.get(one) != about or not place_of(one, DATA).is_file()
        ]
        try:
            for one in anew:
                if lazily(one):
                    _stand_in(one, found[one])
                    held.known[one] = found[one]
            _fetch([one for one in anew if not lazily(one)], found, held, reporter)
        finally:
            held.save()
    for urls, what in ((changed, "are others now"), (gone, "are gone")):
        if urls:
            some = ", ".join(urls[:3]) + (f" and {len(urls) - 3:,} more" if len(urls) > 3 else "")
            reporter.note(f"Since they were fetched, {len(urls):,} objects {what}: {some}.")


def _stand_in(url: str, about: Stored) -> None:
    place = place_of(url, DATA)
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_of(place)  # a new file, which what was measured of the old one does not hold for
    temporary.write_bytes(MARK + json.dumps({"size": about.size, "version": about.version}).encode())
    temporary.replace(place)


def _fetch(urls: list[str], found: Mapping[str, Stored], held: _Held, reporter: Reporter) -> None:
    """Fetch objects; those that are gone or forbidden are told together.

    Raises:
        InputError: They cannot be read.
        StoreError: The store cannot be reached.
    """
    if not urls:
        return
    problems: list[Problem] = []

    def fetch(url: str) -> None:
        try:
            _store_of(url).get(_name(url), place_of(url, DATA), found[url])
            held.known[url] = found[url]
        except StoreError as error:
            if error.kind == "unreachable":
                raise
            problems.append(Problem(url, f"an object that is {error.kind}", "one that can be read", str(error)))

    reporter.begin("Fetching", len(urls))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(fetch, urls):
            reporter.step()
    reporter.end()
    if problems:
        raise InputError(sorted(problems, key=lambda problem: problem.where))
