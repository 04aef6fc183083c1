"""All that `uses=` may be, and what is said about what it may not be."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from headrace import DocumentArray, Executor, requests
from headrace.errors import ExecutorError, LoadError, SpecError
from headrace.executors import endpoints_of, load, load_class

pytestmark = pytest.mark.usefixtures('own_modules')

SERVICES = Path(__file__).parents[2] / 'services'


class Named(Executor):
    class Inner(Executor):
        @requests(on='/inner')
        def handler(self, **kwargs: Any) -> None: ...

    def __init__(self, top_k: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.top_k = top_k

    @requests
    def handler(self, **kwargs: Any) -> None: ...


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path


CODE = """\
    from headrace import Executor, requests

    class Shop(Executor):
        def __init__(self, size=1, **kwargs):
            super().__init__(**kwargs)
            self.size = size

        @requests
        def handler(self, **kwargs): ...

        class Inner(Executor): ...

    class Other(Executor): ...

    def not_a_class(): ...
"""


def test_a_class() -> None:
    executor = load(Named, uses_with={'top_k': 5})
    assert isinstance(executor, Named)
    assert executor.top_k == 5


@pytest.mark.parametrize('uses', ['shop_a:Shop', 'shop_a.Shop', 'shop_a:Shop.Inner', 'shop_a.Shop.Inner'])
def test_a_class_of_a_module(uses: str, tmp_path: Path) -> None:
    write(tmp_path / 'shop_a.py', CODE)
    assert load_class(uses, search=[tmp_path]).__qualname__ == uses.partition('shop_a')[2][1:]


def test_a_class_of_a_package(tmp_path: Path) -> None:
    write(tmp_path / 'shop_b' / '__init__.py', '')
    write(tmp_path / 'shop_b' / 'inner.py', CODE)
    for uses in ('shop_b.inner:Shop', 'shop_b.inner.Shop', 'shop_b/inner.py:Shop'):
        assert load_class(uses, search=[tmp_path]).__module__ == 'shop_b.inner'


def test_a_class_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path / 'code' / 'shop_c.py', CODE)
    found = load_class(f'{file}:Shop')
    assert load_class('code/shop_c.py:Shop', search=[tmp_path]) is found
    monkeypatch.chdir(file.parent)
    assert load_class('shop_c.py:Shop') is found
    assert found.__module__ == 'shop_c'


def test_a_class_by_its_name(tmp_path: Path) -> None:
    write(tmp_path / 'shop_d.py', CODE)
    assert load_class('Shop', ['shop_d.py'], search=[tmp_path]).__module__ == 'shop_d'
    assert load_class('Shop', ['shop_d'], search=[tmp_path]).__module__ == 'shop_d'
    assert load_class('Named.Inner') is Named.Inner


def test_a_name_that_several_classes_have(tmp_path: Path) -> None:
    write(tmp_path / 'shop_g.py', CODE)
    write(tmp_path / 'shop_h.py', CODE)
    mine = load_class('shop_g:Shop', search=[tmp_path])
    load_class('shop_h:Shop', search=[tmp_path])
    with pytest.raises(LoadError, match="executor classes 'Shop'") as caught:
        load_class('Shop')
    assert 'shop_g:Shop' in caught.value.help
    assert 'shop_h:Shop' in caught.value.help
    assert load_class('Shop', ['shop_g']) is mine


def test_a_class_that_was_defined_again_is_the_new_one() -> None:
    def define() -> type[Executor]:
        class Again(Executor): ...

        Again.__qualname__ = 'Again'
        return Again

    old, new = define(), define()
    assert load_class('Again') is new is not old


def test_the_base_class() -> None:
    assert load_class('Executor') is load_class('BaseExecutor') is Executor
    assert load_class('headrace.executors:Executor') is Executor
    assert load_class('headrace.Executor') is Executor


def test_a_yaml_file(tmp_path: Path) -> None:
    write(tmp_path / 'code' / 'shop_e.py', CODE)
    write(
        tmp_path / 'code' / 'shop.yml',
        """\
        jtype: Shop
        with: {size: 4}
        metas: {name: clothes, description: Sells}
        py_modules: [shop_e.py]
        requests: {/sell: handler}
        """,
    )
    executor: Any = load('code/shop.yml', search=[tmp_path])
    assert (executor.size, executor.metas.name, executor.metas.description) == (4, 'clothes', 'Sells')
    assert executor.runtime_args.name == 'clothes'
    assert list(endpoints_of(executor)) == ['/sell']


def test_what_the_caller_says_wins_over_the_file(tmp_path: Path) -> None:
    write(tmp_path / 'shop_f.py', CODE)
    text = 'jtype: shop_f:Shop\nwith: {size: 4}\nmetas: {name: clothes, description: Sells}\n'
    text += 'requests: {/a: handler}'
    executor: Any = load(
        text,
        search=[tmp_path],
        uses_with={'size': 5},
        uses_metas={'name': 'shoes'},
        uses_requests={'/b': 'handler'},
        runtime_args={'name': 'in_the_flow'},
    )
    assert (executor.size, executor.metas.name, executor.metas.description) == (5, 'shoes', 'Sells')
    assert executor.runtime_args.name == 'in_the_flow'
    assert list(endpoints_of(executor)) == ['/a', '/b']


def test_a_dict() -> None:
    executor: Any = load({'jtype': 'Named', 'with': {'top_k': 7}})
    assert executor.top_k == 7


def test_an_old_tag() -> None:
    executor: Any = load('!Named\nwith: {top_k: 7}')
    assert executor.top_k == 7


@pytest.mark.parametrize(
    'uses', ['shouter', './shouter', 'shouter/', str(SERVICES / 'shouter'), 'shouter/config.yml']
)
def test_a_folder(uses: str) -> None:
    executor: Any = load(uses, search=[SERVICES])
    docs = DocumentArray.empty(1)
    docs.text = ['a']
    executor.shout(docs)
    assert docs.text == ['A!!']
    assert executor.metas.name == 'loud'
    assert type(executor).__module__ == 'shouter.executor'


def test_names_in_the_flow_are_passed(tmp_path: Path) -> None:
    executor = load(Named, runtime_args={'name': 'third', 'workspace': str(tmp_path), 'replica_id': 1})
    assert executor.metas.name == 'third'
    assert executor.runtime_args.full_name == 'third/rep-1'


def test_a_constructor_that_names_what_is_ours() -> None:
    class Told(Executor):
        def __init__(self, size: int, metas: Any, runtime_args: Any, requests: Any, workspace: Any) -> None:
            super().__init__(metas, requests, runtime_args, workspace)
            self.told = (size, metas.name, runtime_args.name, requests, workspace)

        def handler(self, **kwargs: Any) -> None: ...

    executor: Any = load(
        Told,
        uses_with={'size': 1},
        uses_requests={'/a': 'handler'},
        runtime_args={'name': 'told', 'workspace': 'here'},
    )
    assert executor.told == (1, 'told', 'told', {'/a': 'handler'}, 'here')
    assert list(endpoints_of(executor)) == ['/a']


# --- what cannot be loaded ---


@pytest.mark.parametrize(
    ('uses', 'problem', 'remedy'),
    [
        (
            'shop_x:Shpo',
            "shop_x:Shpo: shop_x has no 'Shpo'",
            "did you mean 'Shop'? executors there: Shop, Other",
        ),
        ('shop_x:Shop.Outer', "Shop has no 'Outer'", 'Inner'),
        ('shop_x:not_a_class', "shop_x:not_a_class is function 'not_a_class', not an executor", 'subclass'),
        ('shop_x.Nobody', "shop_x.Nobody: shop_x has no 'Nobody'", 'Shop'),
        ('shop_xx:Shop', "there is no module 'shop_xx'", 'file.py:Class'),
        ('shop_xx.Shop', "there is no module 'shop_xx'", 'file.py:Class'),
        ('nowhere.py:Shop', 'there is no file nowhere.py', 'looked for in'),
        ('nowhere.yml', 'there is no file nowhere.yml', 'looked for in'),
        ('./nowhere', 'there is no file ./nowhere', 'looked for in'),
        ('.', 'has no config.yml', 'jtype'),
        ('Shpo', "there is no executor class 'Shpo'", 'module:Class'),
        ('shop_x:', '', ''),
        ('', '', ''),
        (3, 'uses=3 is not an executor', 'subclass of headrace.Executor'),
        (int, "uses=<class 'int'> is not an executor", 'subclass of headrace.Executor'),
    ],
)
def test_what_is_not_there(uses: Any, problem: str, remedy: str, tmp_path: Path) -> None:
    write(tmp_path / 'shop_x.py', CODE)
    with pytest.raises(LoadError) as caught:
        load(uses, search=[tmp_path])
    assert problem in caught.value.message
    assert remedy in caught.value.help


@pytest.mark.parametrize(
    ('code', 'problem', 'line'),
    [
        ('x = 1\nimport no_such_library\n', "No module named 'no_such_library'", 2),
        ('x = 1\n1 / 0\n', 'ZeroDivisionError', 2),
        ('x = 1\n\ndef f(:\n', 'SyntaxError', 3),
        ('import sys\nsys.exit(3)\n', 'SystemExit: 3', 2),
    ],
)
@pytest.mark.parametrize('uses', ['broken:Shop', 'broken.Shop', 'broken.py:Shop'])
def test_a_module_that_is_broken(code: str, problem: str, line: int, uses: str, tmp_path: Path) -> None:
    file = write(tmp_path / 'broken.py', code)
    with pytest.raises(LoadError) as caught:
        load(uses, search=[tmp_path])
    assert problem in caught.value.message
    assert f'{file}:{line}' in caught.value.message
    if 'no_such' in problem:
        assert caught.value.help == 'pip install no_such_library'


def test_a_wrong_handler_in_a_module(tmp_path: Path) -> None:
    file = write(
        tmp_path / 'wrong.py',
        """\
        from headrace import Executor, requests

        class Shop(Executor):
            @requests
            def sell(self, dcos): ...
        """,
    )
    with pytest.raises(ExecutorError, match=r"Shop\.sell .* argument 'dcos'") as caught:
        load('wrong:Shop', search=[tmp_path])
    assert f'{file}:4' in caught.value.message


# --- constructors ---


class Strict(Executor):
    def __init__(self, path: str, size: int = 1) -> None:
        self.path, self.size = path, size


class Child(Named):
    def __init__(self, colour: str = 'red', **kwargs: Any) -> None:
        super().__init__(**kwargs)


class Swallows(Executor):
    def __init__(self, **kwargs: Any) -> None:
        self.kwargs = kwargs


class Breaks(Executor):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        raise FileNotFoundError('model.bin')


def test_an_unknown_argument_of_a_strict_constructor() -> None:
    with pytest.raises(ExecutorError, match=r"executor 'mine': Strict takes no argument 'sise'") as caught:
        load(Strict, uses_with={'path': 'p', 'sise': 1}, runtime_args={'name': 'mine'})
    assert caught.value.help == "did you mean 'size'? its arguments: path, size"


def test_an_unknown_argument_that_is_passed_on() -> None:
    with pytest.raises(ExecutorError, match=r"executor 'mine': Child takes no argument 'colur'") as caught:
        load(Child, uses_with={'colur': 'blue'}, runtime_args={'name': 'mine'})
    assert caught.value.help == "did you mean 'colour'? its arguments: colour, top_k"


def test_a_class_without_a_constructor_takes_nothing() -> None:
    with pytest.raises(ExecutorError, match="takes no argument 'x'") as caught:
        load(Named.Inner, uses_with={'x': 1})
    assert 'none' in caught.value.help


def test_arguments_that_a_constructor_takes_for_itself() -> None:
    executor: Any = load(Swallows, uses_with={'anything': 1})
    assert executor.kwargs == {'anything': 1}


def test_a_missing_argument() -> None:
    with pytest.raises(ExecutorError, match="executor 'Strict': Strict needs the argument 'path'") as caught:
        load(Strict)
    assert f'{__file__}:{Strict.__init__.__code__.co_firstlineno}' in caught.value.message
    assert 'with: {path: ...}' in caught.value.help


def test_a_constructor_that_raises() -> None:
    with pytest.raises(ExecutorError) as caught:
        load(Breaks, runtime_args={'name': 'mine'})
    line = Breaks.__init__.__code__.co_firstlineno + 2
    assert caught.value.message == (
        f"executor 'mine': the constructor of Breaks raised FileNotFoundError: model.bin ({__file__}:{line})"
    )
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_a_constructor_that_leaves() -> None:
    class Leaves(Executor):
        def __init__(self) -> None:
            raise SystemExit(3)

    with pytest.raises(ExecutorError, match='raised SystemExit: 3'):
        load(Leaves)


def test_a_constructor_that_raises_an_error_of_ours() -> None:
    class Refuses(Executor):
        def __init__(self) -> None:
            raise SpecError('no index here', help='make one')

    with pytest.raises(SpecError, match="executor 'Refuses': no index here") as caught:
        load(Refuses)
    assert caught.value.help == 'make one'
