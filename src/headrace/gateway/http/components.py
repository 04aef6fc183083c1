"""JSON Schemas with definitions of their own in, one flat table of named schemas out."""

from __future__ import annotations

from typing import Any

from headrace.documents import DocSchema, json_schema

HOME = '#/components/schemas/'
ELSEWHERE = '#/$defs/'


class Components:
    """The `components/schemas` of an OpenAPI document; equal schemas are kept once."""

    def __init__(self) -> None:
        self.schemas: dict[str, Any] = {}

    def add(self, name: str, schema: dict[str, Any]) -> dict[str, Any]:
        """Keep a schema under a name (with a number, if another one has it), and give a reference to it."""
        found, number = name, 2
        while self.schemas.setdefault(found, schema) != schema:
            found, number = f'{name}_{number}', number + 1
        return {'$ref': HOME + found}

    def document(self, schema: DocSchema) -> dict[str, Any]:
        """A reference to the schema of a document class."""
        taken = self.take(json_schema(schema))
        return taken if '$ref' in taken else self.add(schema.name, taken)

    def take(self, schema: dict[str, Any]) -> dict[str, Any]:
        """A schema whose definitions are moved to this table.

        Definitions may mention each other and themselves, so a name is either free for all of them or, if
        another schema has it already, changed everywhere.
        """
        definitions: dict[str, Any] = schema.get('$defs', {})
        names = self._names(definitions)
        for name, definition in definitions.items():
            self.schemas[names[name]] = _moved(definition, names)
        rest = {key: value for key, value in schema.items() if key not in ('$defs', '$schema')}
        moved: dict[str, Any] = _moved(rest, names)
        return moved

    def _names(self, definitions: dict[str, Any]) -> dict[str, str]:
        names = {name: name for name in definitions}
        for number in range(2, len(self.schemas) + 3):
            clashing = [
                name
                for name, definition in definitions.items()
                if self.schemas.get(names[name], _moved(definition, names)) != _moved(definition, names)
            ]
            if not clashing:
                break
            names.update((name, f'{name}_{number}') for name in clashing)
        return names


def _moved(schema: Any, names: dict[str, str]) -> Any:
    """A copy of a schema that refers to definitions where they are now."""
    if isinstance(schema, list):
        return [_moved(each, names) for each in schema]
    if not isinstance(schema, dict):
        return schema
    moved = {key: _moved(value, names) for key, value in schema.items()}
    target = schema.get('$ref')
    if isinstance(target, str) and target.startswith(ELSEWHERE):
        name = target.removeprefix(ELSEWHERE)
        moved['$ref'] = HOME + names.get(name, name)
    return moved
