"""Numbers of one process in, bytes that others can read at any moment out, also after it was killed.

A file is a row of pages. A page has two numbers, its size and how many of its bytes are in use, and then
records: a header with the length of the text and the count of slots, the text, the slots. What is in use
grows when a record is complete, so a reader never sees half of one. A slot is a float of eight bytes that is
written at once, so a reader never sees half of that either.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path

PAGE_BYTES = 32 * 1024
PAGE = struct.Struct('=QQ')
RECORD = struct.Struct('=II')
SLOT_BYTES = 8


class Pages:
    """Slots for floats, each group of them with a text; in a file if there is a path, else in memory.

    Where the disk is full, what is new goes to memory: this process measures on, and nobody else sees it.
    A process that is forked off this one has what is new in its own memory, too.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._process = os.getpid()
        self._file = None if path is None else os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        self._size = 0
        self._pages: list[memoryview] = []
        self._used = PAGE_BYTES  # of the last page

    def allocate(self, text: bytes, slots: int) -> memoryview[float]:
        """Add a record; its slots, all 0, as a view whose items are floats."""
        padded = text + b' ' * (-len(text) % SLOT_BYTES)
        size = RECORD.size + len(padded) + slots * SLOT_BYTES
        if self._is_foreign or not self._pages or self._used + size > len(self._pages[-1]):
            self._add_page(PAGE.size + size)
        page, at = self._pages[-1], self._used
        RECORD.pack_into(page, at, len(padded), slots)
        at += RECORD.size
        page[at : at + len(padded)] = padded
        at += len(padded)
        self._used = at + slots * SLOT_BYTES
        page[:16].cast('Q')[1] = self._used
        return page[at : self._used].cast('d')

    @property
    def _is_foreign(self) -> bool:
        """Whether this process was forked off the one that the file is of."""
        return self._file is not None and self._process != os.getpid()

    def _add_page(self, least: int) -> None:
        size = PAGE_BYTES * -(-least // PAGE_BYTES)
        if self._is_foreign:
            self._file, self._pages = None, []
        self._pages.append(self._mapped(size) or memoryview(bytearray(size)))
        self._used = PAGE.size
        self._pages[-1][:16].cast('Q')[0] = size
        self._pages[-1][:16].cast('Q')[1] = self._used

    def _mapped(self, size: int) -> memoryview | None:
        """A page at the end of the file; None if there is no file, or no space for it."""
        if self._file is None:
            return None
        try:
            if hasattr(os, 'posix_fallocate'):  # a write into a hole of a full disk would end this process
                os.posix_fallocate(self._file, self._size, size)
            else:
                os.ftruncate(self._file, self._size + size)
            mapped = mmap.mmap(self._file, size, offset=self._size)
        except OSError:
            return None
        self._size += size
        return memoryview(mapped)

    def content(self) -> bytes:
        """All pages, as a file has them."""
        return b''.join(self._pages)

    def close(self) -> None:
        """Let go of the file; slots that were given out can still be written to."""
        if self._file is not None:
            os.close(self._file)
            self._file, self._pages = None, []
            self._used = PAGE_BYTES


def records(content: bytes) -> Iterator[tuple[bytes, memoryview[float]]]:
    """The text and the slots of every complete record; what is not of our making ends the list.

    >>> pages = Pages()
    >>> pages.allocate(b'apples', 1)[0] = 3
    >>> [(text.strip(), list(slots)) for text, slots in records(pages.content())]
    [(b'apples', [3.0])]
    """
    view = memoryview(content)
    start = 0
    while start + PAGE.size <= len(view):
        size, used = PAGE.unpack_from(view, start)
        if not PAGE.size <= used <= size or size % SLOT_BYTES or start + size > len(view):
            return
        at, end = start + PAGE.size, start + used
        while at + RECORD.size <= end:
            length, slots = RECORD.unpack_from(view, at)
            text_at = at + RECORD.size
            at = text_at + length + slots * SLOT_BYTES
            if at > end or length % SLOT_BYTES:
                return
            yield bytes(view[text_at : text_at + length]), view[text_at + length : at].cast('d')
        start += size
