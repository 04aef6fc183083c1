"""What an image promises is said in one module: numbers and folders that others write again would drift."""

from __future__ import annotations

import ast

from sources import check, python_files, tree

from headrace.spec import image

HOME = 'src/headrace/spec/image.py'
NUMBERS = {image.USER, image.WORK_PORT, image.HEALTH_PORT, image.DOORS['grpc']}
FOLDERS = (image.APP, image.DATA)

ALLOWED = {'src/headrace/deploy/compose/composing.py::9090': 'Prometheus has that port, too'}


def test_only_one_module_says_what_an_image_promises() -> None:
    broken = {
        f'{path}::{node.value!r}': f'again, in line {node.lineno}'
        for path in python_files('src')
        if path != HOME
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and is_promised(node.value)
    }
    check('What an image promises is said once.', broken, ALLOWED, 'import it from headrace.spec.image')


def is_promised(value: object) -> bool:
    """Whether a number or a text in the code is one of those; texts for people may name them."""
    if isinstance(value, str):
        return any(value == folder or value.startswith(f'{folder}/') for folder in FOLDERS)
    return type(value) is int and value in NUMBERS


def test_the_rule_sees_what_it_is_about() -> None:
    assert [is_promised(each) for each in (10001, '/data', '/app/', '/apply', 80, True, b'/data')] == [
        *(True, True, True, False, False, False, False)
    ]
