"""What lies below one URL: listed, fetched and written, every object whole or not at all.

fsspec speaks to the stores. What it raises, which differs from store to store, becomes one error with a kind.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from heldout.errors import HeldoutError, UsageError
from heldout.files import whole
from heldout.remote.urls import WEB, joined, protocol_of

EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "az": "az", "abfs": "az", "abfss": "az"}
"""Protocol of a store -> the extra of this package that speaks it."""

EXTRAS_OF_WEB = dict.fromkeys(WEB, "web")

Kind = Literal["gone", "forbidden", "there", "unreachable"]

PATIENT: dict[str, Any] = {"connect_timeout": 10, "read_timeout": 30, "retries": {"max_attempts": 1}}

SETTINGS: dict[str, dict[str, Any]] = {protocol: {"config_kwargs": PATIENT} for protocol in ("s3", "s3a")}
"""Protocol -> how it is spoken where the person's configuration of fsspec says nothing: botocore tries five times, a
minute each, and s3fs tries five times that, so that a host that cannot be reached would be told after half an hour."""

AGAIN = "Call it again: what was finished is kept, and sent then."


class StoreError(HeldoutError):
    """A store did not do what was asked.

    Attributes:
        kind: `gone`: no such object, or bucket; `forbidden`; `there`: an object stands where one was to be created;
            `unreachable`: anything else, which another try may mend.
    """

    def __init__(self, text: str, kind: Kind) -> None:
        super().__init__(text)
        self.kind: Kind = kind


@dataclass(frozen=True)
class Stored:
    """An object as a store lists it.

    Attributes:
        size: Bytes; −1 where the store does not say.
        version: Another one whenever its content is another: the store's ETag, or what comes nearest.
    """

    size: int
    version: str


@cache
def _file_system(protocol: str, process: int) -> Any:
    """The file system of a protocol: one a process, since its connections are shared by all threads and by no fork."""
    import fsspec  # a tenth of a second that other commands need not wait

    own = {} if protocol in fsspec.config.conf else SETTINGS.get(protocol, {})
    return fsspec.filesystem(protocol, use_listings_cache=False, skip_instance_cache=True, **own)


@dataclass(frozen=True)
class Store:
    """What lies below a URL; it can be pickled.

    Attributes:
        url: Without a slash at its end.
    """

    url: str

    @property
    def _fs(self) -> Any:
        """The file system of fsspec.

        Raises:
            UsageError: An unknown protocol.
            HeldoutError: What speaks it is not installed.
        """
        protocol = protocol_of(self.url)
        try:
            return _file_system(protocol, os.getpid())
        except ImportError as error:
            extra = (EXTRAS | EXTRAS_OF_WEB).get(protocol)
            way = f"pip install 'heldout[{extra}]'" if extra else str(error)
            raise HeldoutError(f"{self.url} needs a package that is not installed. Install it with: {way}") from error
        except ValueError as error:
            known = ", ".join(f"{name}://" for name in sorted(EXTRAS | EXTRAS_OF_WEB))
            raise UsageError(f"Found '{self.url}'; expected a protocol that fsspec knows, as {known}.") from error

    def _path(self, name: str) -> str:
        return str(self._fs._strip_protocol(joined(self.url, name)))

    def list(self, name: str = "") -> dict[str, Stored]:
        """Name below the URL -> object; none where nothing is.

        Args:
            name: Of a folder in it; empty for all.

        Raises:
            StoreError: It is forbidden, or the store cannot be reached; or there is no such bucket.
        """
        top = self._path("")
        with self._told(name):
            try:
                found = self._fs.find(self._path(name), detail=True)
            except FileNotFoundError:
                self._check_bucket()
                found = {}
            if not found:
                self._check_bucket()
        return {
            path.removeprefix(f"{top}/"): _stored(about)
            for path, about in found.items()
            if about.get("type") != "directory" and path != top and not path.endswith("/")
        }

    def _check_bucket(self) -> None:
        """Nothing below a prefix is a prefix that is not there yet; no bucket is a mistake.

        Raises:
            FileNotFoundError: There is no such bucket.
        """
        if protocol_of(self.url) not in EXTRAS:
            return
        try:
            self._fs.ls(self._path("").partition("/")[0], detail=False)
        except Exception as error:
            if _kind(error) != "forbidden":  # who may list one prefix alone is refused the bucket, which is there
                raise

    def about(self, name: str = "") -> Stored | None:
        """One object; None where there is none.

        Raises:
            StoreError: It is forbidden, or the store cannot be reached.
        """
        with self._told(name):
            try:
                found = self._fs.info(self._path(name))
            except FileNotFoundError as error:
                if _kind(error) != "gone":
                    raise
                return None
        return None if found.get("type") == "directory" else _stored(found)

    def get(self, name: str, place: Path, expected: Stored | None = None) -> os.stat_result:
        """Fetch an object into a file, whole.

        Args:
            name: Of the object.
            place: The file.
            expected: The object as it was listed.

        Returns:
            What the system tells of the file as it was fetched: another process may write it at once.

        Raises:
            StoreError: It is gone or forbidden, or the store cannot be reached.
            OSError: The file cannot be written.
        """
        with whole(place) as temporary:
            with self._told(name, temporary):
                self._fs.get_file(self._path(name), str(temporary))
            size = temporary.stat().st_size if temporary.exists() else -1
            if expected is not None and expected.size not in (-1, size):
                text = f"{size:,} bytes came of {expected.size:,}; it was changed meanwhile, or cut off"
                raise StoreError(f"{joined(self.url, name)}: {text}. {AGAIN}", "unreachable")
            return temporary.stat()

    def read(self, name: str) -> bytes:
        """A small object.

        Raises:
            StoreError: As for `get`.
        """
        with self._told(name):
            content: bytes = self._fs.cat_file(self._path(name))
            return content

    def put(self, name: str, content: bytes | Path, new: bool) -> None:
        """Write an object.

        Args:
            name: Of the object.
            content: Its bytes, or the file that holds them.
            new: Only where there is none. Of several machines that do so at once one succeeds, where the store creates
                on a condition (S3, and stores that speak as it does; Google; Azure). One with these very bytes that is
                there is as good: an answer that got lost is asked for again.

        Raises:
            StoreError: `there`: another object stood in its place, and may be gone again. It is forbidden, or the store
                cannot be reached.
            OSError: The file cannot be read.
        """
        mode, file = "create" if new else "overwrite", content if isinstance(content, Path) else None
        with self._told(name, file):
            try:
                if isinstance(content, Path):
                    self._fs.put_file(str(content), self._path(name), mode=mode)
                else:
                    self._fs.pipe_file(self._path(name), content, mode=mode)
            except Exception as error:
                if not new or _kind(error) in ("forbidden", "gone"):
                    raise
                is_same = self._is_same(name, content)
                if is_same is None and _kind(error) != "there":
                    raise
                if not is_same:
                    text = "something stands there already, or stood there just now"
                    raise StoreError(f"{joined(self.url, name)}: {text}.", "there") from None

    def _is_same(self, name: str, content: bytes | Path) -> bool | None:
        """Whether an object has these bytes; None where there is none, or none any more."""
        size = content.stat().st_size if isinstance(content, Path) else len(content)
        there = self.about(name)
        if there is None or there.size != size:
            return None if there is None else False
        try:
            return self.read(name) == (content.read_bytes() if isinstance(content, Path) else content)
        except StoreError as error:
            if error.kind == "gone":  # whoever put it there may remove it at any time
                return None
            raise

    def remove(self, name: str) -> None:
        """Remove an object; one that is gone is no error.

        Raises:
            StoreError: It is forbidden, or the store cannot be reached.
        """
        with self._told(name), suppress(FileNotFoundError):
            self._fs.rm_file(self._path(name))

    @contextmanager
    def _told(self, name: str, file: Path | None = None) -> Iterator[None]:
        """What goes wrong within the block as one of our errors; what the system says of the file here stays that."""
        try:
            yield
        except HeldoutError:
            raise
        except Exception as error:  # each library has its own kinds
            if _is_local(error, file):
                raise
            raise told(error, joined(self.url, name)) from error


def told(error: Exception, where: str) -> StoreError:
    """What a store, or what speaks to it, raised, in a sentence of ours."""
    kind = _kind(error)
    words = " ".join(str(error).split())[:200] or type(error).__name__
    if kind == "gone":
        return StoreError(f"{where}: there is no such bucket or object. Check the URL.", kind)
    if kind == "forbidden":
        way = "Check the credentials that this machine has for it (docs/object-stores.md), and what they allow."
        return StoreError(f"{where}: it may not be read or written by you ({words}). {way}", kind)
    return StoreError(
        f"{where}: the store did not answer as it should ({type(error).__name__}: {words}). {AGAIN}", kind
    )


LOCAL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""Errors of a disk, which no network has."""


def _is_local(error: Exception, file: Path | None) -> bool:
    """Whether the system refused a file of this machine, and not the store an object."""
    if file is None or not isinstance(error, OSError) or error.__cause__ is not None:  # libraries name their cause
        return False
    return error.errno in LOCAL or error.filename == str(file)


FORBIDDEN = ("NoCredentialsError", "PartialCredentialsError", "TokenRetrievalError", "ClientAuthenticationError")
"""Errors of the libraries behind fsspec that say that it is not known who asks."""


CONFLICTS = (409, 412)
"""Answers to what is to be created where an object stands: RFC 9110, 15.5.13, and 15.5.10 where one is just being
written or removed (Amazon S3, "ConditionalRequestConflict")."""


def _status(error: BaseException | None) -> int | None:
    """The status of an answer that a library, or what it names as the cause, made an error of."""
    while error is not None:
        response = getattr(error, "response", None)  # of botocore
        if isinstance(response, dict) and "ResponseMetadata" in response:
            return int(response["ResponseMetadata"].get("HTTPStatusCode", 0))
        for name in ("status", "status_code", "code"):  # of aiohttp, Azure, gcsfs
            if isinstance(number := getattr(error, name, None), int):
                return number
        error = error.__cause__
    return None


def _kind(error: BaseException) -> Kind:
    """What an error of fsspec, or of a library behind it, means."""
    cause = error.__cause__
    if cause is not None and type(cause).__module__.startswith("aiohttp"):  # fsspec takes all of them for "not found"
        return _kind(cause)
    if isinstance(error, FileNotFoundError) or _status(error) in (404, 410):
        return "gone"
    if isinstance(error, FileExistsError) or _status(error) in CONFLICTS:
        return "there"
    forbidden = isinstance(error, PermissionError) or _status(error) in (401, 403)
    if forbidden or type(error).__name__ in FORBIDDEN or getattr(error, "errno", None) == errno.EACCES:
        return "forbidden"
    return "unreachable"


CHANGED = ("LastModified", "last_modified", "Last-Modified", "mtime", "created")
"""What stores that give no version call the time of the last change."""


def _stored(about: dict[str, Any]) -> Stored:
    size = about.get("size", about.get("Size"))
    version = about.get("ETag") or about.get("etag") or about.get("generation")
    changed = next((about[name] for name in CHANGED if about.get(name)), None)
    return Stored(-1 if size is None else int(size), str(version or f"{changed} {size}").strip('"'))
