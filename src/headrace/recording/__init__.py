"""Requests of a running Flow to a file, with what every executor got and gave; and back."""

from headrace.recording.file import Recording
from headrace.recording.records import Case, Preface, Side, Visit

__all__ = ['Case', 'Preface', 'Recording', 'Side', 'Visit']
