"""`${{ ENV.X }}`, `${{ CONTEXT.x }}` and `${{ x }}` in, what they stand for out.

The expressions are taken out of the text before it is parsed (so that they may stand anywhere, also in
`[${{ a }}, b]`) and their values are put in afterwards (so that a value can never change the structure).
`$${{` is a literal `${{`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from headrace.spec.source import Path, Source
from headrace.spec.suggest import did_you_mean

_EXPRESSION = re.compile(r'(?<!\$)\$\{\{([^\n]*?)\}\}')
_ESCAPED = re.compile(r'\$(\$+\{\{)')
_UNESCAPED = re.compile(r'\$+\{\{')


def escape(text: str) -> str:
    """Text in, the same with every `${{` written so that it is not an expression.

    >>> escape('a ${{ b }}')
    'a $${{ b }}'
    """
    return _UNESCAPED.sub(lambda found: '$' + found.group(), text)


class Variable(Struct, frozen=True):
    """An environment variable that a text takes its value from."""

    name: str


def divided(text: str) -> tuple[str | Variable, ...]:
    """A text as a file has it in; out: its pieces, the environment variables among them.

    >>> divided('Bearer ${{ ENV.TOKEN }}')
    ('Bearer ', Variable(name='TOKEN'))
    """
    pieces: list[str | Variable] = []
    for index, piece in enumerate(_EXPRESSION.split(text)):
        variable = _variable_in(piece.strip()) if index % 2 else ''
        literal = _ESCAPED.sub(r'\1', f'${{{{{piece}}}}}' if index % 2 else piece)
        if variable or literal:
            pieces.append(Variable(variable) if variable else literal)
    return tuple(pieces) or ('',)


class Substitution:
    """The expressions of one text, and the values that they are looked up in."""

    def __init__(self, environment: Mapping[str, str], context: Mapping[str, Any], source: Source) -> None:
        self._environment = environment
        self._context = context
        self.source = source
        self._expressions: list[str] = []
        self._token = re.compile('(?!)')

    def take_out(self, text: str) -> str:
        """The text with each expression replaced by a short token that YAML reads as a part of a word."""
        mark = next(char for char in map(chr, range(0xE000, 0xF8FF)) if char not in text)
        self._token = re.compile(f'{mark}([0-9]+){mark}')

        def token(found: re.Match[str]) -> str:
            self._expressions.append(found.group(1).strip())
            return f'{mark}{len(self._expressions) - 1}{mark}'

        return _EXPRESSION.sub(token, text)

    def put_in(self, text: str, path: Path) -> Any:
        """A scalar's text with tokens in; out: the text with their values, or the value that is all of it."""
        whole = self._token.fullmatch(text)
        if whole:
            return self._look_up(self._expressions[int(whole.group(1))], path)
        if re.search(r'(?<!\$)\$\{\{', text):
            raise self.source.error(
                path, '"${{" without "}}" on the same line', help='write $${{ for a literal ${{'
            )
        literal = _ESCAPED.sub(r'\1', text)
        return self._token.sub(lambda found: self._text(int(found.group(1)), path), literal)

    def written(self, text: str, path: Path) -> str:
        """A scalar's text with tokens in; out: it with only `${{ ENV.X }}` left; '' if it has none."""
        if not self._expressions:
            return ''
        found = [self._expressions[int(index)] for index in self._token.findall(text)]
        if not any(map(_variable_in, found)):
            return ''
        return self._token.sub(lambda token: self._written(int(token.group(1)), path), text)

    def _written(self, index: int, path: Path) -> str:
        name = _variable_in(self._expressions[index])
        return f'${{{{ ENV.{name} }}}}' if name else escape(self._text(index, path))

    def _text(self, index: int, path: Path) -> str:
        expression = self._expressions[index]
        value = self._look_up(expression, path)
        if isinstance(value, (str, int, float)):
            return str(value)
        raise self.source.error(
            path,
            f'${{{{ {expression} }}}} is a {type(value).__name__} and cannot be a part of a text',
            help='let the expression be the whole value',
        )

    def _look_up(self, expression: str, path: Path) -> Any:
        variable = _variable_in(expression)
        if variable:
            return self._variable(variable, path)
        scope, _, rest = expression.partition('.')
        names = (rest if scope.upper() == 'CONTEXT' and rest else expression).split('.')
        value: Any = self._context
        for name in names:
            if not isinstance(value, Mapping) or name not in value:
                known = [str(key) for key in value] if isinstance(value, Mapping) else []
                raise self.source.error(
                    path,
                    f'${{{{ {expression} }}}}: there is no {name!r} in the context',
                    help=f'give it with load_config(context=...) or --set {names[0]}=...; '
                    + did_you_mean(name, known, noun='context'),
                )
            value = value[name]
        return value

    def _variable(self, name: str, path: Path) -> str:
        if name not in self._environment:
            near = did_you_mean(name, sorted(self._environment)).partition('? ')
            raise self.source.error(
                path,
                f'${{{{ ENV.{name} }}}}: the environment variable {name} is not set',
                help=f'export {name}=...' + (f' ({near[0]}?)' if near[1] else ''),
            )
        return self._environment[name]


def _variable_in(expression: str) -> str:
    """The environment variable that an expression means; '' if it means something else."""
    scope, _, rest = expression.partition('.')
    return rest if scope.upper() == 'ENV' else ''
