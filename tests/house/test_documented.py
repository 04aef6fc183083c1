"""What a user may set, catch, call or run is documented, and the documentation names nothing else."""

from __future__ import annotations

import re

import pytest
from sources import ROOT, check, files, python_files, text

from headrace.spec import environment
from tools import reference

# Makefile and tests read these; they are nothing that a user of the package would set.
OF_THE_TESTS = {'HEADRACE_TEST_REQUIRE'}


@pytest.mark.parametrize('page', reference.PAGES)
def test_reference_is_up_to_date(page: str) -> None:
    path = reference.FOLDER / page
    written = path.read_text(encoding='utf-8') if path.exists() else ''
    if written != reference.PAGES[page]():
        pytest.fail(f'docs/reference/{page} does not say what the code says: run `make docs`', pytrace=False)


def test_environment_variables() -> None:
    known = set(environment.names()) | OF_THE_TESTS
    places = [
        f
        for f in files()
        if f.endswith(('.py', '.md', '.yml', '.yaml', '.toml', 'Makefile')) or f == '.ci/run'
    ]
    broken = {}
    for path in places:
        used = set(re.findall(r'\bHEADRACE_[A-Z][A-Z_]*[A-Z]\b', text(path)))
        if not path.startswith('tests/') and (strays := sorted(used - known)):
            broken[path] = ', '.join(strays)
    remedy = 'declare it in headrace/spec/environment.py and run `make docs`, or correct the name'
    check('Every environment variable is declared in one place.', broken, {}, remedy)


def test_make_targets() -> None:
    """Commands that the documents name exist."""
    targets = set(re.findall(r'^([a-z]+):', text('Makefile'), re.MULTILINE))
    broken = {}
    for path in (f for f in files() if f.endswith('.md') or f == '.ci/run'):
        named = set(re.findall(r'`make ([a-z]+)', text(path))) | set(
            re.findall(r'^make ([a-z]+)', text(path), re.M)
        )
        if strays := sorted(named - targets):
            broken[path] = f'make {", make ".join(strays)}'
    check('A document names make targets that exist.', broken, {}, 'correct the name')


def test_links() -> None:
    """Relative links in the documents lead somewhere."""
    broken = {}
    for path in (f for f in files() if f.endswith('.md')):
        prose = re.sub(r'```.*?```|`[^`\n]*`', '', text(path), flags=re.DOTALL)
        for target in re.findall(r'\]\(([^)#:\s]+)(?:#[^)]*)?\)', prose):
            if not ((ROOT / path).parent / target).exists():
                broken[path] = f'there is no {target}'
    check('A link leads to a file.', broken, {}, 'correct it, or write the file')


def test_pins_are_exact() -> None:
    """A requirements file that is installed names one version of everything."""
    broken = {}
    for path in (f for f in files() if f.startswith('requirements/') and f.endswith('.txt')):
        lines = [
            line for line in text(path).splitlines() if line.strip() and not line.lstrip().startswith('#')
        ]
        if loose := [line for line in lines if '==' not in line]:
            broken[path] = loose[0]
    check('Development requirements are pinned.', broken, {}, 'run `make lock`')


def test_every_module_has_a_place_in_the_layers() -> None:
    """A new package under src/headrace is named in the import contract of pyproject.toml."""
    contract = text('pyproject.toml').partition('[tool.importlinter]')[2]
    parts = {
        path.removeprefix('src/headrace/').partition('/')[0].removesuffix('.py')
        for path in python_files('src')
    }
    missing = sorted(p for p in parts if not p.startswith('_') and f'headrace.{p}' not in contract)
    assert not missing, f'add to the layers in pyproject.toml: {", ".join(missing)}'
