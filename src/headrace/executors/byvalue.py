"""A class that only this process has in, bytes that make it again elsewhere out."""

from __future__ import annotations

from headrace.documents.byvalue import dumps

__all__ = ['dumps']
