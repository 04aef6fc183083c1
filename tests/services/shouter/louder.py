from __future__ import annotations


def louder(text: str, marks: int) -> str:
    return text.upper() + '!' * marks
