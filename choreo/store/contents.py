"""Whether what is in the files of an open store is what SQLite has put there.

Someone may write another file's bytes over the store while it is in use (`cp backup.db trace.db`): it keeps its name
and its inode, and SQLite, which knows its pages and its log, writes on into a mixture. Only a checkpoint changes the
file while its log is in use, and each one is counted in the index of the log (`-shm`, format: sqlite.org/walformat).
So a look costs two small reads: the file is looked into only where its time of change or its size is another one.
"""

from __future__ import annotations

import os
import struct
from typing import NamedTuple

_INDEX = 136
_COUNTS = struct.Struct("=16xI76xI28xI4x")
"""Of an index: frames of the log, frames that are in the store, frames that a checkpoint was to put there."""
_LOG = 32
_SAMPLE = 8192
_BEHIND = 2**31
"""A count of 32 bits may wrap: one that is further ahead than this is behind."""


class _Index(NamedTuple):
    """The head of the index of a log: which log it is, how many frames it has and how many are in the store."""

    salts: bytes
    frames: int
    checkpoint: bytes
    settled: bool
    """Whether no checkpoint is under way."""


class _Seen(NamedTuple):
    """The store's file as SQLite left it. `sample` is of its first and its last pages."""

    time: int
    size: int
    log: _Index | None
    sample: bytes


class Contents:
    """What the files held at the last look. `main`, `log` and `index` are handles, the last two where there are any."""

    def __init__(self, main: int, log: int | None, index: int | None) -> None:
        self._main, self._log, self._shm = main, log, index
        self._read: tuple[bytes, _Index | None] = (b"", None)
        """The bytes of the index as they were read last, and what they say."""
        self._index = self._read_index()
        self._seen = self._look(os.fstat(main), self._index)

    @property
    def settled(self) -> bool:
        """Whether every checkpoint that was begun was ended. After a crash that is not known: one is to be made."""
        return self._seen.log is None or self._seen.log.settled

    def changed(self, found: os.stat_result | None = None) -> str:
        """What was changed by someone else: `` (nothing), the store itself, or the suffix of a file beside it."""
        if self._shm is None:
            return self._main_changed(found, None)
        index = self._read_index()
        if index is None:
            return "" if os.fstat(self._shm).st_size >= _INDEX else "-shm"
        before = self._index
        if before is not None and before.salts == index.salts and index.frames < before.frames:
            return "-shm"
        if not self._is_own_log(index):
            return "-wal"
        self._index = index
        return self._main_changed(found, index)

    def _main_changed(self, found: os.stat_result | None, index: _Index | None) -> str:
        found = found or os.fstat(self._main)
        if (found.st_mtime_ns, found.st_size) == (self._seen.time, self._seen.size):
            # The index was read before the file was looked at: what is written from then on shows in the index.
            self._seen = _Seen(self._seen.time, self._seen.size, index, self._seen.sample)
            return ""
        now = self._look(found, index)
        by_sqlite = self._counts_on(now) if self._shm is None else self._was_checkpoint()
        if not by_sqlite and now.sample != self._seen.sample:
            return "store"
        self._seen = now
        return ""

    def _was_checkpoint(self) -> bool:
        """Whether a checkpoint was made, or is under way, since the file was looked into."""
        index, seen = self._read_index(), self._seen.log
        if index is None or seen is None:
            return False
        return not index.settled or (index.salts, index.checkpoint) != (seen.salts, seen.checkpoint)

    def _counts_on(self, now: _Seen) -> bool:
        """Without a log: whether the store's own count of changes has not gone back."""
        head, before = now.sample[:100], self._seen.sample[:100]
        same = head[:24] == before[:24] and head[68:72] == before[68:72]
        return same and (_number(head[24:28]) - _number(before[24:28])) % 2**32 < _BEHIND

    def _look(self, found: os.stat_result, index: _Index | None) -> _Seen:
        size = found.st_size
        sample = os.pread(self._main, _SAMPLE, 0) + os.pread(self._main, _SAMPLE, max(0, size - _SAMPLE))
        return _Seen(found.st_mtime_ns, size, index, sample)

    def _is_own_log(self, index: _Index) -> bool:
        """Whether the log begins with the mark that its index gives: not where other bytes were put into it."""
        while self._log is not None and index.frames and os.pread(self._log, _LOG, 0)[16:24] != index.salts:
            again = self._read_index()
            if again is None or again.salts == index.salts:
                return False
            index = again  # another process has begun the log anew between the two looks
        return True

    def _read_index(self) -> _Index | None:
        """None where there is none, or where another process is just about to write it."""
        for _ in range(100 if self._shm is not None else 0):
            head = os.pread(self._shm or 0, _INDEX, 0)
            if head == self._read[0]:
                return self._read[1]
            if len(head) == _INDEX and head[:48] == head[48:96]:
                frames, moved, begun = _COUNTS.unpack(head)
                self._read = head, _Index(head[32:40], frames, head[96:100], moved == begun)
                return self._read[1]
        return None


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")
