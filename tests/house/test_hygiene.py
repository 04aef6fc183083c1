"""What is in the repository is finished, explains itself, and knows nothing of its author's machine."""

from __future__ import annotations

import ast
import re

from sources import ROOT, check, definitions, files, python_files, text, tree

BINARY = (
    '.png',
    '.jpg',
    '.jpeg',
    '.webp',
    '.gif',
    '.ico',
    '.onnx',
    '.npz',
    '.npy',
    '.woff2',
    '.bin',
    '.wav',
    '.mp4',
)
LARGE_KIB = 2048

UNFINISHED = re.compile(r'\b(TODO|FIXME|XXX|HACK)\b')
# A path of somebody's home or checkout. /tmp, /usr, /proc and the like exist everywhere.
MACHINE_PATH = re.compile(r'(?<![\w.:/}-])/(?:home|Users|root|work|farm|opt|mnt)/[\w.-]+|\bpyenv/versions\b')
# An index of packages, a mirror or a registry: everybody has their own settings. The brackets keep the
# pattern from finding itself.
INDEX = re.compile(
    r'(?i)--(?:extra-)?index[-]url|--find[-]links|--trusted[-]host|\bindex[-]url\b|files[.]python[h]osted'
    r'|pypi[.]org/[s]imple|registry\s*[=:]\s*"?http|"?resolved"?\s*:\s*"?http'
)

ALLOWED_UNFINISHED: dict[str, str] = {
    'tests/house/test_hygiene.py': 'it looks for these words',
    'src/headrace/gateway/graphql/page/graphiql.min.js': 'a released file of GraphiQL, served as it is',
}
ALLOWED_PATHS: dict[str, str] = {}
ALLOWED_INDEXES: dict[str, str] = {}
ALLOWED_LARGE: dict[str, str] = {
    'examples/shop_the_look/model/garments.onnx': 'trained, so that `make demo` need not train',
}
UNDOCUMENTED: dict[str, str] = {}


def test_nothing_is_left_for_later() -> None:
    remedy = 'finish it, or write an issue and take the note out'
    check('No note in the code stands for work to do.', _matches(UNFINISHED), ALLOWED_UNFINISHED, remedy)


def test_no_path_of_a_machine() -> None:
    remedy = 'derive it from a setting, from __file__ or from a temporary folder'
    check('No file names a path of one machine.', _matches(MACHINE_PATH), ALLOWED_PATHS, remedy)


def test_no_index_address() -> None:
    remedy = "leave it to the user's pip settings"
    check('No file names an index or a mirror of packages.', _matches(INDEX), ALLOWED_INDEXES, remedy)


def test_no_large_file() -> None:
    sizes = {name: (ROOT / name).stat().st_size // 1024 for name in files()}
    broken = {name: f'{kib} KiB' for name, kib in sizes.items() if kib > LARGE_KIB}
    remedy = 'generate or fetch it when it is needed'
    check(f'A file in the repository has up to {LARGE_KIB} KiB.', broken, ALLOWED_LARGE, remedy)


def test_modules_and_classes_explain_themselves() -> None:
    broken = {}
    for path in python_files('src', 'examples', 'benchmarks', 'tools'):
        if text(path).strip() and not ast.get_docstring(tree(path)):
            broken[path] = 'has no docstring'
        for d in definitions(path):
            overload = any('overload' in ast.unparse(decorator) for decorator in d.node.decorator_list)
            public = not d.name.startswith('_') and '.' not in d.name and not overload
            if public and not ast.get_docstring(d.node):
                broken[d.key] = 'has no docstring'
    remedy = 'say in one line what is turned into what'
    check('A module, a public class and a public function explain themselves.', broken, UNDOCUMENTED, remedy)


def _matches(pattern: re.Pattern[str]) -> dict[str, str]:
    """Return, for each text file with a match, the first one."""
    broken = {}
    for name in files():
        if name.endswith(BINARY):
            continue
        for number, line in enumerate(text(name).splitlines(), start=1):
            if found := pattern.search(line):
                broken[name] = f'line {number}: {found[0]}'
                break
    return broken
