"""What is said of the executors of a Flow is said of all their versions: exports and checks forget none."""

from __future__ import annotations

import ast

from sources import check, definitions, python_files

READ = (*python_files('src/headrace/deploy'), 'src/headrace/spec/strict.py')

ALLOWED = {
    'src/headrace/deploy/monitored.py::monitored': 'an executor in dashboards is all of its versions',
    'src/headrace/deploy/told.py::told_to': 'an executor is told with its versions in it',
    'src/headrace/deploy/weighing.py::has_weights': 'it is about the versions themselves',
    'src/headrace/deploy/weighing.py::weights_text': 'it is about the versions themselves',
}


def test_versions_are_executors_too() -> None:
    broken = {
        definition.key: f'line {node.iter.lineno} goes over executors only'
        for path in READ
        for definition in definitions(path)
        for node in ast.walk(definition.node)
        if isinstance(node, ast.For | ast.comprehension) and is_of_executors(node.iter)
    }
    check('A version is an executor.', broken, ALLOWED, 'go over each_version(spec.executors)')


def is_of_executors(node: ast.AST) -> bool:
    """Whether what is gone over are the executors of a Flow as they stand there, or in order."""
    if isinstance(node, ast.Attribute):
        return node.attr == 'executors' and isinstance(node.value, ast.Name) and node.value.id == 'spec'
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'order'


def test_the_rule_sees_what_it_is_about() -> None:
    written = {
        'spec.executors': True,
        'order(spec)': True,
        'each_version(spec.executors)': False,
        'flow.executors': False,  # of what is monitored
    }
    assert {text: is_of_executors(ast.parse(text, mode='eval').body) for text in written} == written
