"""One word for one thing: names that say nothing, and words of another house, stay out."""

from __future__ import annotations

import ast
import re
from pathlib import PurePosixPath

from sources import check, definitions, python_files

# They say that something exists, not what it does.
EMPTY_WORDS = {'mixin', 'manager', 'helper', 'helpers', 'util', 'utils', 'utility', 'common', 'misc'}
# We say worker or executor, gateway, replica, shard.
FOREIGN_WORDS = {'pod', 'pods', 'pea', 'peas', 'peapod', 'peapods', 'head', 'heads', 'runtime', 'runtimes'}

ALLOWED: dict[str, str] = {
    'src/headrace/executors/records.py::RuntimeArgs': "`self.runtime_args` is its name in users' programs",
}


def test_classes_and_modules() -> None:
    broken = {}
    for path in python_files('src', 'examples', 'benchmarks', 'tools'):
        named = {path: PurePosixPath(path).with_suffix('').parts[-1]}
        named[path] = ' '.join(PurePosixPath(path).with_suffix('').parts[1:])
        named |= {d.key: d.node.name for d in definitions(path) if isinstance(d.node, ast.ClassDef)}
        for place, name in named.items():
            if bad := set(words(name)) & (EMPTY_WORDS | FOREIGN_WORDS):
                broken[place] = f'{", ".join(sorted(bad))} in its name'
    remedy = 'name it after what it does for its user, in our words: flow, executor, worker, gateway, ...'
    check('A name says what a thing is.', broken, ALLOWED, remedy)


def words(name: str) -> list[str]:
    """Split a path or identifier: `WorkerPod peas_util` gives worker, pod, peas, util."""
    return [word.lower() for word in re.findall(r'[A-Z]+(?![a-z])|[A-Z]?[a-z]+', name)]


def test_words() -> None:
    assert words('WorkerPod spec/peas_util HTTPHead2') == [
        'worker',
        'pod',
        'spec',
        'peas',
        'util',
        'http',
        'head',
    ]
