"""Text of others in; out, the same for a terminal, which it must not command."""

from __future__ import annotations


def visible(text: str) -> str:
    """A text in which control characters are shown, but for ends of lines and tabs.

    >>> visible('red: ' + chr(27) + '[31m')
    'red: \\\\x1b[31m'
    """
    if text.isprintable():
        return text
    return ''.join(
        each if each.isprintable() or each in '\n\t' else each.encode('unicode_escape').decode()
        for each in text
    )
