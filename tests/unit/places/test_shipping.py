import subprocess
import sys
import threading

import cloudpickle
import pytest

from headrace import Executor, Flow, requests
from headrace.errors import SpecError
from headrace.places.shipping import worker_order
from headrace.spec import ExecutorSpec, FlowSpec
from headrace.spec.paths import workspace_of
from headrace.spec.plan import processes


def order(**fields):
    executor = ExecutorSpec(name='e', **fields)
    flow = FlowSpec(executors=(executor,), workspace='/w')
    return worker_order(flow, next(processes(flow, executor)), address='unix:/x')


def test_what_can_be_imported_goes_by_name():
    made = order(uses=Executor, uses_with={'a': [1, 'x', None]})
    assert made.pickled == b''
    assert made.spec.uses == 'headrace.executors.executor:Executor'
    assert made.spec.uses_with == {'a': [1, 'x', None]}


def test_a_class_of_a_function_goes_by_value():
    class Local(Executor):
        pass

    made = order(uses=Local, uses_with={'a': 1})
    uses, uses_with = cloudpickle.loads(made.pickled)
    assert uses.__name__ == 'Local'
    assert uses_with == {'a': 1}
    assert made.spec.uses == ''


def test_arguments_that_are_no_plain_data_go_by_value():
    made = order(uses='a.b:C', uses_with={'f': lambda x: x + 1})
    uses, uses_with = cloudpickle.loads(made.pickled)
    assert uses == 'a.b:C'
    assert uses_with['f'](1) == 2


def test_what_cannot_be_copied_is_named():
    with pytest.raises(SpecError, match="(?s)executor 'e' cannot be handed to its process.*__init__"):
        order(uses='a.b:C', uses_with={'lock': threading.Lock()})


def test_a_class_whose_module_another_process_cannot_find_goes_by_value(tmp_path):
    """As from a file that a test runner or a notebook has loaded by its path."""
    (tmp_path / 'stray.py').write_text(
        'from headrace import Executor, requests\n'
        "WORD = 'stray'\n"
        'def helper(): return WORD\n'
        'class Stray(Executor):\n'
        '    @requests\n'
        '    def foo(self, docs, **kwargs):\n'
        '        docs.text = [helper()] * len(docs)\n'
    )
    (tmp_path / 'main.py').write_text(
        'import importlib.util, sys\n'
        f"spec = importlib.util.spec_from_file_location('stray', r'{tmp_path}/hidden/stray.py')\n"
        'module = importlib.util.module_from_spec(spec)\n'
        "sys.modules['stray'] = module\n"
        'spec.loader.exec_module(module)\n'
        'from headrace import Flow\n'
        'with Flow().add(uses=module.Stray) as flow:\n'
        "    print(flow.post('/', {'text': ''}).texts)\n"
    )
    (tmp_path / 'hidden').mkdir()
    (tmp_path / 'stray.py').rename(tmp_path / 'hidden' / 'stray.py')
    done = subprocess.run(
        [sys.executable, 'main.py'], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "['stray']\n", done.stderr


def test_workspaces(tmp_path):
    flow = FlowSpec(workspace='flows', base=str(tmp_path))
    assert workspace_of(flow, ExecutorSpec(name='e')) == str(tmp_path / 'flows')
    assert workspace_of(flow, ExecutorSpec(name='e', workspace='own')) == str(tmp_path / 'own')
    assert workspace_of(flow, ExecutorSpec(name='e', workspace='/abs')) == '/abs'
    assert workspace_of(FlowSpec(), ExecutorSpec(name='e')) == ''


class Kept(Executor):
    @requests
    def where(self, docs, **kwargs):
        return {'folder': self.workspace}


@pytest.mark.parametrize('place', ['local', 'in-process'])
def test_metas_and_environment_name_a_workspace_where_nobody_else_does(monkeypatch, tmp_path, place):
    monkeypatch.setenv('HEADRACE_WORKSPACE', str(tmp_path / 'env'))
    metas = {'workspace': str(tmp_path / 'metas')}
    flow = Flow(place=place).add(uses=Kept, name='e').add(uses=Kept, name='m', uses_metas=metas)
    with flow.add(uses=Kept, name='own', uses_metas=metas, workspace=str(tmp_path / 'own')) as flow:
        (response,) = flow.post('/', return_responses=True)
    found = {name.partition('/')[0]: result['folder'] for name, result in response.results.items()}
    assert found == {
        'e': f'{tmp_path}/env/e/0',
        'm': f'{tmp_path}/metas/m/0',
        'own': f'{tmp_path}/own/own/0',
    }
