"""What `uses` names has to be in the folder of an image, as far as can be known without running it."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.errors import SpecError
from headrace.images.making import Wanted, sketch
from headrace.images.named import check_named

CODE = """
try:
    from elsewhere import Far
except ImportError:
    Far = None
class Enc:
    class Inner: ...
Other = make('Other')
def page(): ...
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / 'sub').mkdir()
    (tmp_path / 'enc.py').write_text(CODE)
    (tmp_path / 'sub' / 'below.py').write_text(CODE)
    (tmp_path / 'any.py').write_text("globals()['Made'] = type('Made', (), {})")
    (tmp_path / 'star.py').write_text('from elsewhere import *')
    (tmp_path / 'lazy.py').write_text('def __getattr__(name): ...')
    (tmp_path / 'later.py').write_text('class of a later Python')
    (tmp_path / 'own.yml').write_text('jtype: Enc')
    return tmp_path


@pytest.mark.parametrize(
    'name',
    [
        *(f'enc.py:{name}' for name in ('Enc', 'Enc.Inner', 'Far', 'Other', 'page')),
        *('enc:Enc', 'sub/below.py:Enc', 'below.py:Enc', 'sub.below:Enc', 'enc.py', 'own.yml'),
        *('any.py:Made', 'star.py:X', 'lazy.py:X', 'later.py:X'),
        *('/of_the_base/x.py:X', '~/x.py:X', 'installed:X', 'installed.X', 'Executor'),
        *('/app/enc.py:Enc', 'a: b\nc: d.py'),
    ],
)  # fmt: skip
def test_what_is_there_or_may_be_passes(folder: Path, name: str) -> None:
    check_named(folder, [name], ('sub', ''))


@pytest.mark.parametrize(
    ('name', 'says', 'help'),
    [
        ('enc.py:Encoder', "enc.py has no 'Encoder'", "did you mean 'Enc'?"),
        ('/app/enc.py:Encoder', "^enc.py:Encoder: .*/enc.py has no 'Encoder'", "did you mean 'Enc'?"),
        ('enc:Encoder', "enc.py has no 'Encoder'", "did you mean 'Enc'?"),
        ('sub.below:Emc', "below.py has no 'Emc'", "did you mean 'Enc'?"),
        ('encc.py:Enc', 'there is no file encc.py in ', "did you mean 'enc.py'?"),
        ('sub/belov.py:Enc', 'there is no file sub/belov.py', "did you mean 'sub/below.py'?"),
        ('onw.yml', 'there is no file onw.yml', "did you mean 'own.yml'?"),
    ],
)
def test_what_is_not_there_is_refused(folder: Path, name: str, says: str, help: str) -> None:
    with pytest.raises(SpecError, match=says) as refused:
        check_named(folder, [name])
    assert help in str(refused.value.help)


def test_a_flow_that_names_what_is_not_there_gets_no_image(folder: Path) -> None:
    (folder / 'flow.yml').write_text('executors: [{name: a, uses: enc.py:Enc}, {name: b, uses: encc.py:Enc}]')
    with pytest.raises(SpecError, match=r'there is no file encc\.py'):
        sketch(Wanted(path=str(folder), headrace='1.0'))
    (folder / 'Dockerfile').write_text('FROM x\nCOPY --from=elsewhere / /app\n')
    sketch(Wanted(path=str(folder), headrace='1.0'))  # who knows what that one brings
