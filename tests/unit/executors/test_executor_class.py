"""The base class: who an executor is, where it keeps its files, how it begins and ends."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from headrace import Document, DocumentArray
from headrace.errors import ExecutorError
from headrace.executors import Executor, Metas, RuntimeArgs, endpoints_of, load, requests


class Encoder(Executor):
    def __init__(self, top_k: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.top_k = top_k

    @requests
    def encode(self, docs: DocumentArray, **kwargs: Any) -> Any:
        docs[0].text += f' {self.top_k}'
        return 'what it returns'


class Silent(Executor):
    """Never calls super().__init__, takes no **kwargs."""

    def __init__(self, path: str) -> None:
        self.seen = (path, self.metas.name, self.runtime_args.name, self.workspace)


def test_a_handler_is_an_ordinary_method() -> None:
    docs = DocumentArray([Document(text='a')])
    assert Encoder(top_k=5).encode(docs=docs) == 'what it returns'
    assert docs.text == ['a 5']


def test_who_it_is() -> None:
    executor = Encoder()
    assert executor.metas == Metas(name='Encoder')
    assert executor.runtime_args == RuntimeArgs(name='Encoder')


def test_who_it_is_when_told() -> None:
    executor = Encoder(
        metas={'name': 'enc', 'description': 'of images'}, runtime_args={'name': 'flow_enc', 'replica_id': 2}
    )
    assert (executor.metas.name, executor.metas.description) == ('enc', 'of images')
    assert executor.runtime_args.full_name == 'flow_enc/rep-2'


def test_names_of_shards_and_replicas() -> None:
    assert RuntimeArgs(name='a').full_name == 'a/rep-0'
    assert RuntimeArgs(name='a', shards=2, shard_id=1, replica_id=3).full_name == 'a/shard-1/rep-3'


def test_its_workspace_is_made_when_asked_for(tmp_path: Path) -> None:
    executor = load(Encoder, runtime_args={'name': 'enc', 'workspace': str(tmp_path), 'shard_id': 1})
    assert list(tmp_path.iterdir()) == []
    assert executor.workspace == str(tmp_path / 'enc' / '1')
    assert Path(executor.workspace).is_dir()


@pytest.mark.parametrize(
    'executor_of',
    [
        lambda root: Encoder(workspace=root),
        lambda root: Encoder(metas={'workspace': root}),
        lambda root: Encoder(workspace='elsewhere', runtime_args={'workspace': root}),
    ],
)
def test_the_root_of_the_workspace(executor_of: Any, tmp_path: Path) -> None:
    assert executor_of(str(tmp_path)).workspace == str(tmp_path / 'Encoder' / '0')


def test_the_workspace_of_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('HEADRACE_WORKSPACE', str(tmp_path / 'root'))
    assert Encoder().workspace == str(tmp_path / 'root' / 'Encoder' / '0')


def test_two_executors_of_a_class_do_not_share_a_workspace(tmp_path: Path) -> None:
    args = [RuntimeArgs(name=name, workspace=str(tmp_path)) for name in ('one', 'other')]
    assert load(Encoder, runtime_args=args[0]).workspace != load(Encoder, runtime_args=args[1]).workspace


def test_a_workspace_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    with pytest.raises(ExecutorError, match="executor 'Encoder': no workspace .*file") as caught:
        _ = Encoder(workspace=str(tmp_path / 'file')).workspace
    assert 'HEADRACE_WORKSPACE' in caught.value.help


def test_its_logger(caplog: pytest.LogCaptureFixture) -> None:
    executor = load(Encoder, runtime_args={'name': 'enc'})
    with caplog.at_level(logging.INFO):
        executor.logger.info('ready')
    assert caplog.record_tuples == [('headrace.executor.enc', logging.INFO, 'ready')]


def test_all_of_it_is_there_before_the_constructor_runs(tmp_path: Path) -> None:
    executor = load(Silent, uses_with={'path': 'p'}, runtime_args={'name': 's', 'workspace': str(tmp_path)})
    assert isinstance(executor, Silent)
    assert executor.seen == ('p', 's', 's', str(tmp_path / 's' / '0'))


def test_positional_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('HEADRACE_WORKSPACE', str(tmp_path))
    assert Silent('p').seen[0] == 'p'


def test_a_dataclass() -> None:
    @dataclass
    class Data(Executor):
        size: int = 1

        @requests
        def double(self, **kwargs: Any) -> None:
            self.size *= 2

    executor = load(Data, uses_with={'size': 4})
    assert isinstance(executor, Data)
    executor.double()
    assert executor.size == 8
    assert executor.metas.name == 'Data'
    assert list(endpoints_of(Data)) == ['/default']


def test_an_argument_that_nobody_takes() -> None:
    with pytest.raises(ExecutorError, match=r"Encoder takes no argument 'top_kk'") as caught:
        Encoder(top_kk=1)
    assert caught.value.help == "did you mean 'top_k'? its arguments: top_k"


def test_a_metas_key_that_does_not_exist() -> None:
    with pytest.raises(ExecutorError, match="metas: unknown key 'nmae'") as caught:
        Encoder(metas={'nmae': 'enc'})
    assert "did you mean 'name'?" in caught.value.help


def test_close_is_called_at_the_end_of_with() -> None:
    closed = []

    class Open(Executor):
        def close(self) -> None:
            closed.append(self)

    with Open() as executor:
        assert closed == []
    assert closed == [executor]


def test_an_asynchronous_close_is_awaited() -> None:
    closed = []

    class Open(Executor):
        async def close(self) -> None:
            closed.append(self)

    with Open():
        pass
    assert len(closed) == 1


def test_the_class_goes_by_value_to_another_process() -> None:
    class Local(Encoder):
        @requests(on='/local')
        def local(self, **kwargs: Any) -> dict[str, int]:
            return {'top_k': self.top_k}

    copy = cloudpickle.loads(cloudpickle.dumps(Local))
    assert copy is Local or endpoints_of(copy) == endpoints_of(Local)
    assert copy(top_k=9).local() == {'top_k': 9}
