"""Text for clients in, the same text without the folders of this machine out."""

from __future__ import annotations

import re

PATH = re.compile(r'(?<![\w.:/])(?:[A-Za-z]:)?(?:[/\\][\w.@+~%-]+){2,}')


def hide_paths(text: str, *, keep: str = '') -> str:
    """The text with every path of a file cut down to the file's name; `keep` is left as it is.

    >>> hide_paths("no such file: '/srv/models/v2/net.onnx'")
    "no such file: 'net.onnx'"
    """

    def cut(found: re.Match[str]) -> str:
        path = found[0]
        return path if path == keep else re.split(r'[/\\]', path)[-1]

    return PATH.sub(cut, text)
