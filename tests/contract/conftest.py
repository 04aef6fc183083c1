"""What several contract tests use."""

from limited import limited, refusals

__all__ = ['limited', 'refusals']
