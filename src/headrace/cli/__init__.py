"""The command `headrace`: one module per command, each imported when it is called."""

from headrace.cli.program import main

__all__ = ['main']
