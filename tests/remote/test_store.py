"""What a store can refuse, each in one sentence of its own kind; and claims, which one machine holds at a time."""

from __future__ import annotations

import errno
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from heldout.claims import ClaimLostError, Owner
from heldout.errors import HeldoutError, UsageError
from heldout.remote import claims, store
from heldout.remote.claims import StoreClaims
from heldout.remote.store import Store, StoreError, told
from heldout.remote.urls import DATA, STUDIES, is_url, place_of, url_of
from tests.remote.s3 import S3, Fault, use


@pytest.mark.parametrize("url", ["s3://bucket/a/b", "s3://bucket", "https://host/a%20b/m.csv"])
def test_a_folder_of_the_cache_says_for_which_url_it_stands(url: str) -> None:
    assert is_url(url)
    assert url_of(place_of(url, DATA), DATA) == url
    assert url_of(place_of(url, DATA), STUDIES) is None


@pytest.mark.parametrize("url", ["s3://bucket/../../etc", "s3://bucket//a", "s3:///a", "s3://."])
def test_no_url_leads_out_of_the_cache(url: str) -> None:
    with pytest.raises(UsageError):
        place_of(url, DATA)


@pytest.mark.parametrize("url", ["https://me:geheim@host/table.csv", "s3://me:geheim@bucket/study"])
def test_a_password_in_a_url_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(UsageError, match="password") as refused:
        place_of(url, STUDIES)
    assert "geheim" not in str(refused.value) and url.rpartition("@")[2] in str(refused.value)


@pytest.mark.parametrize("url", ["sftp://me@host/study", "abfs://images@account/a", "s3://bucket/a:b@c"])
def test_a_name_of_a_user_is_no_password(url: str) -> None:
    assert url_of(place_of(url, DATA), DATA) == url


@pytest.mark.parametrize("text", ["study", "/a/b", "medmnist:breastmnist", "C:\\images", "s3:/bucket"])
def test_what_is_no_url(text: str) -> None:
    assert not is_url(text)


def kind_of(act: object, *given: object) -> str:
    with pytest.raises(StoreError) as caught:
        act(*given)  # type: ignore[operator]
    return caught.value.kind


def test_each_refusal_has_its_kind(s3: S3, bucket: str, tmp_path: Path) -> None:
    there = Store(f"{bucket}/folder")
    assert there.list() == {}
    assert kind_of(Store("s3://no-such-bucket/x").list) == "gone"
    assert kind_of(there.get, "x", tmp_path / "x") == "gone"
    assert not (tmp_path / "x").exists()
    s3.heal(Fault(1, "forbidden", lasting=True))
    assert kind_of(there.list) == "forbidden"
    assert kind_of(there.put, "x", b"x", True) == "forbidden"
    assert kind_of(there.get, "x", tmp_path / "x") == "forbidden"
    s3.heal(Fault(1, "refused", lasting=True))
    assert kind_of(there.list) == "unreachable"


def test_a_store_that_says_nothing_is_not_waited_for_without_end(
    s3: S3, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.remote.s3.SLOW", 2.0)
    use(s3, monkeypatch, patience=0.3)
    s3.heal(Fault(1, "silent", lasting=True))
    assert kind_of(Store(bucket).list) == "unreachable"


def test_without_credentials_that_is_said(bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    store._file_system.cache_clear()
    assert kind_of(Store(bucket).list) == "forbidden"


def test_a_missing_package_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    store._file_system.cache_clear()
    with pytest.raises(HeldoutError, match=r"heldout\[s3\]"):
        Store("s3://bucket/x").list()
    with pytest.raises(UsageError, match="protocol"):
        Store("nosuch://bucket/x").list()


def test_an_object_is_created_once_and_its_own_bytes_are_no_other(bucket: str) -> None:
    there = Store(bucket)
    there.put("x", b"1", new=True)
    there.put("x", b"1", new=True)
    assert kind_of(there.put, "x", b"2", True) == "there"
    there.put("x", b"3", new=False)
    assert there.read("x") == b"3"
    there.remove("x")
    there.remove("x")
    assert there.about("x") is None


def test_a_write_whose_answer_is_lost_is_not_taken_for_another_machines(s3: S3, bucket: str) -> None:
    s3.heal(Fault(1, "unanswered"))
    Store(bucket).put("x", b"1", new=True)
    assert s3.struck == 1
    assert Store(bucket).read("x") == b"1"


def test_of_many_who_create_an_object_at_once_one_succeeds(bucket: str) -> None:
    won: list[int] = []

    def create(number: int) -> None:
        try:
            Store(bucket).put("x", str(number).encode(), new=True)
            won.append(number)
        except StoreError as error:
            assert error.kind == "there"

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [str(number).encode() for number in won] == [Store(bucket).read("x")]


@pytest.mark.parametrize("look", ["about", "read"])
def test_an_object_that_stood_in_the_way_and_is_gone_again_was_there(
    bucket: str, monkeypatch: pytest.MonkeyPatch, look: str
) -> None:
    there = Store(bucket)
    there.put("x", b"1", new=True)
    before = getattr(Store, look)

    def late(self: Store, name: str = "") -> object:  # its owner removes it just before it is looked at
        Store(bucket).remove(name)
        return before(self, name)

    monkeypatch.setattr(Store, look, late)
    assert kind_of(there.put, "x", b"2", True) == "there"
    monkeypatch.undo()
    assert there.about("x") is None


def test_what_is_cut_short_is_no_object(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = Store(bucket)
    there.put("x", b"1234", new=True)
    listed = there.list()["x"]
    there.put("x", b"12", new=False)  # as a store would answer that ends early and does not say so
    assert kind_of(there.get, "x", tmp_path / "x", listed) == "unreachable"
    assert not (tmp_path / "x").exists()


@pytest.fixture
def small_disk() -> Iterator[None]:
    """Within the test no file grows beyond a thousand bytes."""
    resource = pytest.importorskip("resource", reason="Windows has no limits of a process")
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, before)


@pytest.mark.parametrize("where", ["s3", "memory"])
def test_what_the_disk_here_refuses_is_not_blamed_on_the_store(
    request: pytest.FixtureRequest, tmp_path: Path, where: str
) -> None:
    there = Store(request.getfixturevalue("bucket") if where == "s3" else f"memory://{tmp_path.name}")
    there.put("x", b"1" * 3000, new=True)
    request.getfixturevalue("small_disk")
    with pytest.raises(OSError, match="too large") as caught:
        there.get("x", tmp_path / "x")
    assert caught.value.errno == errno.EFBIG
    assert not list(tmp_path.iterdir())
    for new in (True, False):
        with pytest.raises(FileNotFoundError):
            there.put("y", tmp_path / "vanished", new)
    assert list(there.list()) == ["x"]


class OnePrefix:
    """A file system of a store that lets one prefix be listed, and the bucket not."""

    def __init__(self, refused: Exception) -> None:
        self.refused = refused

    def _strip_protocol(self, url: str) -> str:
        return url.partition("://")[2]

    def find(self, path: str, detail: bool) -> dict[str, object]:
        return {}

    def ls(self, path: str, detail: bool) -> list[str]:
        raise self.refused


def test_who_may_list_one_prefix_alone_begins_a_study_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_file_system", lambda *_: OnePrefix(PermissionError(13, "Access Denied")))
    assert Store("s3://bucket/group7/study").list() == {}
    monkeypatch.setattr(store, "_file_system", lambda *_: OnePrefix(FileNotFoundError(2, "no bucket")))
    assert kind_of(Store("s3://bucket/group7/study").list) == "gone"


def test_errors_of_the_system_keep_their_meaning() -> None:
    assert told(PermissionError("x"), "u").kind == "forbidden"
    assert told(FileNotFoundError("x"), "u").kind == "gone"
    assert told(ValueError("x"), "u").kind == "unreachable"


class AnswerError(Exception):
    """What a library makes of an answer."""


@pytest.mark.parametrize("status", [409, 412])
@pytest.mark.parametrize("name", ["response", "status", "status_code", "code"])
def test_a_store_that_does_not_say_what_stood_in_the_way_is_understood(name: str, status: int) -> None:
    """As MinIO and R2 answer, of which s3fs makes an error of another kind, and the libraries of other stores."""
    cause = AnswerError("no")
    setattr(cause, name, {"ResponseMetadata": {"HTTPStatusCode": status}} if name == "response" else status)
    assert told(cause, "u").kind == "there"
    error = OSError(22, "no")
    error.__cause__ = cause
    assert told(error, "u").kind == "there"


def test_one_machine_holds_a_claim_and_leaves_it(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "LOOK", 0.0)
    one, other = StoreClaims(Store(bucket)), StoreClaims(Store(bucket))
    with one.held("c", "it"), pytest.raises(ClaimLostError, match="it is left to"), other.held("c", "it"):
        pass
    with other.held("c", "it"):
        pass
    assert Store(bucket).list() == {}


def test_a_claim_without_a_sign_of_life_is_taken_over(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "LOOK", 0.0)
    monkeypatch.setattr(claims, "STALE", 0.0)
    elsewhere = Owner("host", "another machine", 1, "", "token")
    Store(bucket).put("c", claims._text(elsewhere, 0), new=True)
    mine = StoreClaims(Store(bucket))
    with pytest.raises(ClaimLostError), mine.held("c", "it"):
        pass  # at first sight it may be alive
    with mine.held("c", "it"):
        pass
    assert Store(bucket).list() == {}


def test_a_claim_that_is_kept_fresh_is_not_taken_over(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"LOOK": 0.0, "BEAT": 0.05, "STALE": 1.5}.items():  # a busy machine may miss many beats
        monkeypatch.setattr(claims, name, value)
    here = Owner("host", "another machine", 1, "", "token")
    monkeypatch.setattr(claims.Owner, "this", classmethod(lambda cls: here))
    with StoreClaims(Store(bucket)).held("c", "it"):
        other, end = StoreClaims(Store(bucket)), threading.Event()
        for _ in range(10):
            end.wait(0.2)
            with pytest.raises(ClaimLostError), other.held("c", "it"):
                pass
