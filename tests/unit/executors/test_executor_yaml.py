"""An executor's YAML: read with errors that say where, written so that it can be read again."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace import Executor, requests
from headrace.errors import LoadError, SpecError
from headrace.executors import endpoints_of, load
from headrace.executors.config import Config
from headrace.executors.yamltext import read_text, write
from headrace.spec import load_flow
from headrace.worker.loading import blueprint_of

pytestmark = pytest.mark.usefixtures('own_modules')


class Saved(Executor):
    def __init__(self, size: Any = 1, model: str = 'small', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size, self.model = size, model

    @requests
    def handler(self, **kwargs: Any) -> None: ...


def test_everything_that_it_may_say() -> None:
    config = read_text(
        """
        jtype: Saved
        version: '1'
        with: {size: 2, switch: on, nothing: null}
        metas: {name: a, py_modules: first.py}
        py_modules: [second.py]
        requests: {/a: handler}
        """
    )
    assert config == Config(
        jtype='Saved',
        arguments={'size': 2, 'switch': 'on', 'nothing': None},
        metas={'name': 'a'},
        requests={'/a': 'handler'},
        py_modules=('first.py', 'second.py'),
    )


def test_empty_parts() -> None:
    assert read_text('jtype: Saved\nwith:\nmetas:\n') == Config(jtype='Saved')


@pytest.mark.parametrize(
    ('text', 'problem', 'remedy'),
    [
        ('jtype: A\nwiht: {x: 1}', "exec.yml:2: wiht: unknown key 'wiht'", "did you mean 'with'?"),
        ('with: {x: 1}', 'exec.yml:1: jtype is missing', 'jtype: MyExecutor'),
        ('jtype: A\nwith: [1]', 'exec.yml:2: with: expected a mapping', ''),
        ('jtype: A\nrequests:\n  /a: 3', 'exec.yml:3: requests', ''),
        ('jtype: A\npy_modules: 3', 'exec.yml:2: py_modules: expected', ''),
        ('- a', 'exec.yml:1: an executor is a mapping', 'jtype'),
        ('', 'an executor is a mapping', 'jtype'),
        ('jtype: A\n  with: 3', 'exec.yml:2', ''),
        ('jtype: A\njtype: B', "'jtype' is given twice", ''),
        ('jtype: !!python/name:os.system A', 'exec.yml:1', ''),
        ('jtype: ${{ CONTEXT.cls }}', "there is no 'cls' in the context", 'load_config(context='),
    ],
)
def test_what_is_wrong_has_a_line_and_a_key(text: str, problem: str, remedy: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_text(text, name='exec.yml')
    assert problem in caught.value.message
    assert remedy in caught.value.help


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / 'bad.yml').write_bytes(b'\xff\xfe')
    with pytest.raises(LoadError, match=r'bad.yml cannot be read'):
        load('bad.yml', search=[tmp_path])


def test_values_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MODEL_SIZE', '7')
    text = 'jtype: Saved\nwith:\n  size: ${{ ENV.MODEL_SIZE }}\n  model: ${{ CONTEXT.model }}'
    executor: Any = Executor.load_config(text, context={'model': 'large'})
    assert (executor.size, executor.model) == (7, 'large')


def test_load_config_overrides(tmp_path: Path) -> None:
    (tmp_path / 'saved.yml').write_text('jtype: Saved\nwith: {size: 2}')
    executor: Any = Executor.load_config(
        tmp_path / 'saved.yml',
        uses_with={'model': 'large'},
        uses_metas={'name': 'mine'},
        uses_requests={'/a': 'handler'},
        runtime_args={'replica_id': 1},
    )
    assert (executor.size, executor.model, executor.runtime_args.full_name) == (2, 'large', 'mine/rep-1')
    assert list(endpoints_of(executor)) == ['/a']


@pytest.mark.parametrize(
    'executor',
    [
        Saved(),
        Saved(3),
        Saved(3, model='large'),
        Saved(metas={'name': 'mine', 'description': 'on'}, requests={'/a': 'handler'}),
        load(Saved, uses_with={'size': {'a': [1, 2.5, None, True]}}, uses_metas={'name': 'mine'}),
    ],
)
def test_saved_and_loaded_again(executor: Saved, tmp_path: Path) -> None:
    path = tmp_path / 'saved.yml'
    text = executor.save_config(path)
    assert path.read_text() == text
    again: Any = load({**__import__('yaml').safe_load(text), 'jtype': 'Saved'})
    assert (again.size, again.model) == (executor.size, executor.model)
    assert again.metas == executor.metas
    assert endpoints_of(again) == endpoints_of(executor)


def test_saved_by_the_name_of_its_module(tmp_path: Path) -> None:
    (tmp_path / 'shop_y.py').write_text('from headrace import Executor\n\nclass Shop(Executor): ...\n')
    by_name = load('shop_y:Shop', search=[tmp_path])
    assert by_name.save_config() == 'jtype: shop_y:Shop\n'
    assert type(load(by_name.save_config())) is type(by_name)
    by_file = load('Shop', py_modules=['shop_y.py'], search=[tmp_path])
    assert by_file.save_config() == 'jtype: Shop\npy_modules: [shop_y.py]\n'


def test_arguments_that_yaml_cannot_hold() -> None:
    with pytest.raises(LoadError, match='arguments that YAML cannot hold') as caught:
        Saved(size=os).save_config()
    assert 'numbers, texts, lists and dicts' in caught.value.help


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), PLAIN, max_size=4))
def test_what_is_written_is_read_again(arguments: dict[str, Any]) -> None:
    config = Config(jtype='Saved', arguments=arguments)
    assert read_text(write(config)) == config


SECRETIVE = """
jtype: Saved
with: {size: ${{ ENV.SAVED_SIZE }}, model: "x-${{ ENV.SAVED_TOKEN }}"}
metas: {description: "for ${{ ENV.SAVED_TOKEN }}", workspace: "/data/${{ ENV.SAVED_TOKEN }}"}
"""


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv('SAVED_SIZE', '3')
    monkeypatch.setenv('SAVED_TOKEN', 'hunter2')
    return monkeypatch


def test_what_the_environment_said_is_saved_as_it_was_written(secrets: pytest.MonkeyPatch) -> None:
    text = Executor.load_config(SECRETIVE).save_config()
    assert 'hunter2' not in text
    assert 'size: ${{ ENV.SAVED_SIZE }}' in text
    assert "workspace: '/data/${{ ENV.SAVED_TOKEN }}'" in text
    secrets.setenv('SAVED_SIZE', '4')
    again: Any = Executor.load_config(re.sub('jtype: .*', 'jtype: Saved', text))
    assert (again.size, again.model, again.metas.description) == (4, 'x-hunter2', 'for hunter2')


@pytest.mark.usefixtures('secrets')
def test_what_was_said_otherwise_is_saved_as_it_is() -> None:
    text = Executor.load_config(SECRETIVE, uses_with={'size': 5}).save_config()
    assert 'size: 5' in text
    assert "model: 'x-${{ ENV.SAVED_TOKEN }}'" in text


def test_an_executor_of_a_flow_saves_what_the_flow_says() -> None:
    text = 'executors: [{name: a, uses: Saved, uses_with: {model: "${{ ENV.SAVED_TOKEN }}"}}]'
    spec = load_flow(text, variables={'SAVED_TOKEN': 'hunter2'})
    executor = blueprint_of(spec['a'], workspace='').build()
    assert executor.model == 'hunter2'
    assert "model: '${{ ENV.SAVED_TOKEN }}'" in executor.save_config()
