"""Settings from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.errors import SpecError
from headrace.spec import environment


def test_settings_are_typed() -> None:
    settings = environment.read(
        {'HEADRACE_DEBUG': 'true', 'HEADRACE_LOG_LEVEL': ' debug ', 'HEADRACE_WORKSPACE': '/w'}
    )
    assert settings == environment.Environment(debug=True, log_level='DEBUG', workspace='/w')
    assert settings.workspace_root() == Path('/w')


def test_an_empty_variable_is_no_variable() -> None:
    assert environment.read({'HEADRACE_DEBUG': ''}) == environment.Environment()


@pytest.mark.parametrize(
    ('variable', 'value', 'help'),
    [
        ('HEADRACE_DEBUG', 'perhaps', 'tracebacks'),
        ('HEADRACE_LOG_LEVEL', 'loud', 'DEBUG, INFO'),
    ],
)
def test_a_wrong_value_names_the_variable(variable: str, value: str, help: str) -> None:
    with pytest.raises(SpecError, match=f'{variable}: ') as caught:
        environment.read({variable: value})
    assert help in str(caught.value)


def test_misspelt_variables_are_found() -> None:
    strays = environment.unknown(
        {'HEADRACE_LOGLEVEL': '', 'HEADRACE_DEBUG': '1', 'HOME': '/', 'HEADRACE_ZZZ': ''}
    )
    assert strays == {'HEADRACE_LOGLEVEL': 'HEADRACE_LOG_LEVEL', 'HEADRACE_ZZZ': None}


def test_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    monkeypatch.delenv('XDG_RUNTIME_DIR', raising=False)
    settings = environment.Environment()
    assert settings.workspace_root() == tmp_path / 'headrace'
    assert settings.runtime_root() == Path('/tmp')
    monkeypatch.setenv('XDG_RUNTIME_DIR', str(tmp_path))
    assert settings.runtime_root() == tmp_path
    monkeypatch.setenv('XDG_RUNTIME_DIR', str(tmp_path / 'not there'))
    assert settings.runtime_root() == Path('/tmp')
    assert environment.Environment(runtime_dir=str(tmp_path)).runtime_root() == tmp_path


def test_a_child_gets_everything_and_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('SOME', '1')
    child = environment.for_child({'MORE': '2', 'SOME': '3'})
    assert (child['SOME'], child['MORE']) == ('3', '2')
    assert environment.variables()['SOME'] == '1'
