"""Recording and alert rules as records in, the YAML that Prometheus reads out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import yaml
from msgspec import Struct

from headrace.spec.layout import Layout

Severity = Literal['page', 'ticket']
"""Whom an alert is for: somebody who is woken up, or somebody who looks in the morning."""


class Record(Struct, frozen=True, kw_only=True):
    """A query whose answer is kept under a name of its own."""

    name: str
    query: str

    def plain(self) -> dict[str, Any]:
        """The rule as Prometheus reads it."""
        return {'record': self.name, 'expr': self.query}


class Condition(Struct, frozen=True):
    """What is looked at, and when it is too much (or too little)."""

    query: str
    sign: str
    threshold: float

    def __str__(self) -> str:
        query = f'({self.query})' if ' ' in self.query else self.query
        return f'{query} {self.sign} {self.threshold:.12g}'


class Alert(Struct, frozen=True, kw_only=True):
    """What somebody has to know: all of `when` has been true for a time.

    `summary` is one line, `description` says what it means for callers, `action` what to do first. They may
    name labels and the value of the first condition as templates of Prometheus.
    """

    name: str
    when: tuple[Condition, ...]
    lasts: str
    severity: Severity
    summary: str
    description: str
    action: str
    labels: dict[str, str] = {}

    def plain(self) -> dict[str, Any]:
        """The rule as Prometheus reads it."""
        return {
            'alert': self.name,
            'expr': '\nand '.join(map(str, self.when)),
            'for': self.lasts,
            'labels': {'severity': self.severity, **self.labels},
            'annotations': {
                'summary': self.summary,
                'description': self.description,
                'action': self.action,
            },
        }


class Group(Struct, frozen=True, kw_only=True):
    """Rules that are evaluated one after the other."""

    name: str
    rules: tuple[Record, ...] | tuple[Alert, ...]
    interval: str = ''

    def plain(self) -> dict[str, Any]:
        """The group as Prometheus reads it."""
        named = {'name': self.name, 'interval': self.interval} if self.interval else {'name': self.name}
        return {**named, 'rules': [rule.plain() for rule in self.rules]}


class _Dumper(Layout):
    """Texts of several lines as blocks."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '|' if '\n' in text else None
    return dumper.represent_scalar('tag:yaml.org,2002:str', text, style=style)


_Dumper.add_representer(str, _text)


def as_yaml(data: Any, *comments: str) -> str:
    """Plain data as YAML, after some lines of comment.

    >>> print(as_yaml({'a': [1]}, 'numbers'), end='')
    # numbers
    a:
      - 1
    """
    head = ''.join(f'# {line}\n' for line in comments)
    return head + yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def rule_file(groups: Sequence[Group], *comments: str) -> str:
    """A file of rules."""
    return as_yaml({'groups': [group.plain() for group in groups]}, *comments)
