"""YAML text in; out: plain dicts, lists and scalars, and the line on which each of them is written.

Only data: no tags that make objects, no keys given twice, no documents that unfold to more than a limit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from typing import Any

import yaml

from headrace.errors import SpecError
from headrace.spec.scalars import resolve
from headrace.spec.source import Path, Source, step
from headrace.spec.substitute import Substitution

_MAX_NODES = 100_000
_MAX_DEPTH = 60
_MAX_BYTES = 1024**2
_PLAIN = 'plain'
_VALUES = frozenset({_PLAIN, *(f'tag:yaml.org,2002:{kind}' for kind in ('int', 'float', 'bool', 'null'))})


class _Loader(yaml.SafeLoader):
    """Composes nodes only: every unquoted scalar keeps its text and is read by `scalars.resolve`."""

    yaml_implicit_resolvers = {None: [(_PLAIN, re.compile('.*', re.DOTALL))]}  # noqa: RUF012 (PyYAML's name)


def parse(
    text: str,
    *,
    name: str = '',
    environment: Mapping[str, str] | None = None,
    context: Mapping[str, Any] | None = None,
) -> tuple[Any, Source]:
    """Read one YAML document; SpecError with the line of whatever is wrong with it.

    >>> parse('executors:\\n- {name: on}')[0]
    {'executors': [{'name': 'on'}]}
    """
    if len(text) > _MAX_BYTES:
        raise SpecError(
            f'{name}: the document has {len(text)} characters, more than {_MAX_BYTES}'.removeprefix(': ')
        )
    substitution = Substitution(environment or {}, context or {}, Source(name))
    try:
        node = yaml.compose(substitution.take_out(text), Loader=_Loader)
        walk = _Walk(substitution, name)
        return (None if node is None else walk.value(node, ())), walk.source
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, name) from error
    except yaml.YAMLError as error:
        raise SpecError(f'{name}: not readable as YAML: {error}'.removeprefix(': ')) from error
    except RecursionError as error:
        raise SpecError(f'{name}: nested too deeply'.removeprefix(': ')) from error


class _Walk:
    """Turns nodes into values and notes their lines."""

    def __init__(self, substitution: Substitution, name: str) -> None:
        self._substitution = substitution
        self._lines: dict[Path, int] = {}
        self._texts: dict[Path, str] = {}
        self._written: dict[Path, str] = {}
        self._count = 0
        self.source = substitution.source = Source(name, self._lines, self._texts, self._written)

    def value(self, node: yaml.Node, path: Path) -> Any:
        self._lines.setdefault(path, node.start_mark.line + 1)
        self._visit(path)
        self._texts.pop(path, None)  # of a mapping that was merged: what stands here counts for more
        self._written.pop(path, None)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if isinstance(node, yaml.SequenceNode):
            self._check_tag(node, path, 'seq')
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._mapping(node, path)

    def _visit(self, path: Path) -> None:
        self._count += 1
        if self._count > _MAX_NODES or len(path) > _MAX_DEPTH:
            raise self.source.error(path[:3], 'the document is too large, too deep or refers to itself')

    def _scalar(self, node: yaml.ScalarNode, path: Path, *, is_key: bool = False) -> Any:
        if node.tag not in _VALUES:
            self._check_tag(node, path, 'str')
        text = self._substitution.put_in(node.value, path)
        value = resolve(text) if node.tag in _VALUES and isinstance(text, str) else text
        if is_key:
            return value
        if isinstance(text, str) and not isinstance(value, str):
            self._texts[path] = text
        written = self._substitution.written(node.value, path)
        if written:
            self._written[path] = written
        return value

    def _mapping(self, node: yaml.Node, path: Path) -> dict[Any, Any]:
        assert isinstance(node, yaml.MappingNode)
        values: dict[Any, Any] = {}
        if node.tag.startswith('!') and len(node.tag) > 1:  # `!Flow` is an old way to write `jtype: Flow`
            values['jtype'] = node.tag[1:]
        else:
            self._check_tag(node, path, 'map')
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self.source.error(path, 'a key has to be a word or a number')
            if key_node.tag == _PLAIN and key_node.value == '<<':
                merged = self._merged(value_node, path, known={step(key) for key in values})
                values |= {key: value for key, value in merged.items() if key not in values}
                continue
            key = self._scalar(key_node, path, is_key=True)
            inner = (*path, step(key))
            if inner in self._lines and key in values:
                raise self.source.error(
                    inner, f'{key!r} is given twice; again in line {key_node.start_mark.line + 1}'
                )
            self._lines[inner] = key_node.start_mark.line + 1
            values[key] = self.value(value_node, inner)
        return values

    def _merged(self, node: yaml.Node, path: Path, *, known: set[str | int]) -> dict[Any, Any]:
        """What `<<: *anchor` or `<<: [*a, *b]` brings; notes about keys that are not `known` come along."""
        before = [len(notes) for notes in (self._texts, self._written)]
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[Any, Any] = {}
        for part in reversed(parts):
            self._visit((*path, '<<'))
            if not isinstance(part, yaml.MappingNode):
                raise self.source.error(path, '"<<" takes a mapping or a list of mappings')
            merged |= self._mapping(part, (*path, '<<'))
        for notes, count in zip((self._texts, self._written), before, strict=True):
            for at in list(islice(reversed(notes), len(notes) - count)):
                text, key = notes.pop(at), at[len(path) + 1]
                if key not in known:
                    notes[*path, *at[len(path) + 1 :]] = text
        return merged

    def _check_tag(self, node: yaml.Node, path: Path, kind: str) -> None:
        if node.tag not in (f'tag:yaml.org,2002:{kind}', '!'):
            tag = node.tag.replace('tag:yaml.org,2002:', '!!')
            raise self.source.error(path, f'the tag {tag} is not allowed here', help='take it out')


def _syntax_error(error: yaml.MarkedYAMLError, name: str) -> SpecError:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    where = f'{name}:{line}' if name else f'line {line}'
    problem = error.problem or error.context or 'it cannot be read'
    return SpecError(
        f'{where}: not YAML: {problem}', help='look at the indentation, quotes and brackets there'
    )
