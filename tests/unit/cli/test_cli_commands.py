"""Every command that starts nothing: what it prints, what it writes, how it fails."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import jsonschema
import pytest
import yaml
from click.testing import CliRunner, Result

from headrace import __version__
from headrace.cli import main
from headrace.cli.program import COMMANDS
from headrace.proto import headrace_pb2 as pb

UPPER = """
from headrace import DocumentArray, Executor, requests

class Upper(Executor):
    @requests(on='/upper')
    def upper(self, docs: DocumentArray, **kwargs):
        '''Makes texts upper case.'''
        for doc in docs:
            doc.text = doc.text.upper()
"""

FLOW = """
name: ${{ name }}
executors:
  - {name: upper, uses: upper.py:Upper}
  - {name: again, uses: upper.py:Upper}
gateway: {protocol: [grpc, http], port: [0, 8080]}
"""


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    (tmp_path / 'upper.py').write_text(UPPER)
    (tmp_path / 'flow.yml').write_text(FLOW)
    return tmp_path / 'flow.yml'


def headrace(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_version() -> None:
    assert headrace('--version').output == f'headrace {__version__}\n'


def test_the_list_of_commands_says_what_each_one_says_of_itself() -> None:
    listed = headrace('--help').output
    for name, summary in COMMANDS.items():
        command = import_module(f'headrace.cli.{name.replace("-", "_")}').command
        assert command.name == name
        assert (command.help or '').partition('\n')[0] == summary
        assert re.search(rf'^  {name} +{re.escape(summary)}$', listed, re.MULTILINE)


@pytest.mark.parametrize('name', COMMANDS)
def test_every_command_teaches_with_examples(name: str) -> None:
    result = headrace(name, '--help')
    assert result.exit_code == 0
    text = headrace(name, 'schema', '--help').output if name == 'export' else result.output
    assert f'headrace {name}' in text.partition('\n')[2]


def test_every_example_in_the_help_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples are parsed by the commands themselves; options that do not exist would fail."""
    monkeypatch.chdir(tmp_path)
    Path('traffic.hrec').touch()
    for name in COMMANDS:
        command = import_module(f'headrace.cli.{name.replace("-", "_")}').command
        for line in (command.help or '').splitlines():
            if line.strip().startswith('headrace ') and '$(' not in line and '| source' not in line:
                first = re.split(r'\s(?:#|&&|>)\s?', line.strip())[0]
                asked, *words = [word.strip('"') for word in first.split()[1:]]
                words = [word for word in words if Path(word).suffix != '.jpg' or Path(word).exists()]
                if '--file' not in words and '--docs' not in words and asked == name:
                    with command.make_context(name, words):
                        pass


def test_a_misspelt_command_names_the_one_that_was_meant() -> None:
    result = headrace('chekc', 'flow.yml')
    assert result.exit_code == 2
    assert "there is no command 'chekc'; did you mean 'check'?" in result.stderr


def test_check(flow: Path) -> None:
    result = headrace('check', flow, '--set', 'name=shop')
    assert result.exit_code == 0, result.output
    assert f'{flow} is sound: 2 executors' in result.stdout
    assert re.search(
        r'/upper +DocList\[Document\] +DocList\[Document\] +upper, again +Makes texts', result.stdout
    )


def test_check_of_a_flow_with_nothing_in_it(tmp_path: Path) -> None:
    flow = tmp_path / 'empty.yml'
    flow.write_text('jtype: Flow\n')
    result = headrace('check', flow)
    assert (result.exit_code, 'sound' in result.stdout) == (0, False)
    assert f'{flow} has no executors' in result.stdout


def test_check_of_a_missing_context_value(flow: Path) -> None:
    result = headrace('check', flow)
    assert result.exit_code == 1
    assert f"error: {flow}:2: name: ${{{{ name }}}}: there is no 'name' in the context\n" in result.stderr
    assert ' help: give it with load_config(context=...) or --set name=...' in result.stderr
    assert 'Traceback' not in result.output


def test_check_of_a_class_that_is_not_there(flow: Path) -> None:
    flow.write_text(FLOW.replace('upper.py:Upper', 'upper.py:Uper'))
    result = headrace('check', flow, '--set', 'name=x')
    assert result.exit_code == 1
    assert "did you mean 'Upper'?" in result.stderr


def test_debug_shows_the_traceback(flow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('HEADRACE_DEBUG', '1')
    result = headrace('check', flow)
    assert type(result.exception).__name__ == 'SpecError'


def test_plan(flow: Path) -> None:
    result = headrace('plan', flow, '--set', 'name=shop', '--port', 5, '--port', 6, '--env', 'A=1')
    assert result.exit_code == 0, result.output
    assert 'shop, 3 processes' in result.stdout
    assert re.search(r'gateway +the front door +grpc 127.0.0.1:5 +clients +60 s', result.stdout)
    assert re.search(r'again +upper.py:Upper +unix:again.sock +upper +60 s', result.stdout)


def test_plan_as_json(flow: Path) -> None:
    result = headrace('plan', flow, '--json', '--set', 'name=shop', '--env', 'A=1', '--timeout-ready-s', 5)
    plan = json.loads(result.stdout)
    assert plan['flow'] == 'shop'
    assert [process['role'] for process in plan['processes']] == ['gateway', 'worker', 'worker']
    assert all(process['env'] == ['A'] for process in plan['processes'])
    assert {process['timeout_ready_s'] for process in plan['processes']} == {5}


@pytest.mark.parametrize(
    ('options', 'code', 'message'),
    [
        (
            ['--port', '70000'],
            1,
            'command line: port[0]: expected a whole number of at most 65535, got 70000',
        ),
        (['--port', '5'], 1, 'command line: gateway.port: 1 port for 2 doors (grpc, http)'),
        (['--port', 'x'], 2, "'x' is not a valid integer"),
        (['--protocol', 'grcp'], 2, "'grcp' is not one of 'grpc', 'http'"),
        (['--prot', 'grcp'], 2, '--protocol'),
        (['--env', 'A'], 2, "'A' has to look like key=value"),
        (['--set', 'a=['], 2, "the value of 'a' cannot be read"),
    ],
)
def test_wrong_options_say_what_is_wrong(flow: Path, options: list[str], code: int, message: str) -> None:
    result = headrace('plan', flow, '--set', 'name=shop', *options)
    assert result.exit_code == code
    assert message in result.stderr


def test_plot_prints_mermaid(flow: Path) -> None:
    result = headrace('plot', flow, '--set', 'name=shop', '--vertical')
    assert result.stdout.startswith('flowchart TB\n')


def test_plot_writes_what_the_ending_says(flow: Path, tmp_path: Path) -> None:
    target = tmp_path / 'flow.svg'
    result = headrace('plot', flow, '--set', 'name=shop', '-o', target)
    assert result.exit_code == 0
    assert result.stdout == ''
    assert f'{target} written' in result.stderr
    assert target.read_text().startswith('<svg ')


def test_export_schema_describes_the_file(flow: Path, tmp_path: Path) -> None:
    printed = json.loads(headrace('export', 'schema').stdout)
    target = tmp_path / 'schema.json'
    assert headrace('export', 'schema', '-o', target).exit_code == 0
    assert json.loads(target.read_text()) == printed
    jsonschema.Draft202012Validator(printed).validate(yaml.safe_load(FLOW.replace('${{ name }}', 'x')))


def test_export_proto_writes_the_file_that_the_gateway_speaks(tmp_path: Path) -> None:
    target = tmp_path / 'headrace.proto'
    assert headrace('export', 'proto', '-o', target).exit_code == 0
    assert target.read_text() == headrace('export', 'proto').stdout
    methods = re.findall(r'^  rpc (\w+)', target.read_text(), re.MULTILINE)
    assert methods == [each.name for each in pb.DESCRIPTOR.services_by_name['Headrace'].methods]


@pytest.mark.parametrize('shell', ['bash', 'zsh', 'fish'])
def test_completion_is_a_script_that_the_shell_reads(shell: str) -> None:
    result = headrace('completion', shell)
    assert '_HEADRACE_COMPLETE' in result.stdout
    program = shutil.which(shell)
    if program is not None:
        subprocess.run([program, '-n'], input=result.stdout, text=True, check=True, timeout=30)


def test_completion_knows_commands_and_options() -> None:
    result = CliRunner().invoke(
        main, env={'_HEADRACE_COMPLETE': 'zsh_complete', 'COMP_WORDS': 'headrace pl', 'COMP_CWORD': '1'}
    )
    assert result.output == '' or 'plan' in result.output
    from click.shell_completion import ShellComplete  # the shells call this through the script

    complete = ShellComplete(main, {}, 'headrace', '_HEADRACE_COMPLETE')
    assert [item.value for item in complete.get_completions([], 'pl')] == ['plan', 'plot']
    assert '--vertical' in [item.value for item in complete.get_completions(['plot'], '--v')]
    assert [item.value for item in complete.get_completions(['run', '--protocol'], 'h')] == ['http']


def test_version_and_help_load_no_flow() -> None:
    """The program itself must be quick: it answers a shell's completion at every press of a key."""
    code = (
        'import sys\nfrom headrace.cli import main\n'
        'try: main(["--help"])\nexcept SystemExit: pass\n'
        'print([name for name in ("headrace.flow", "numpy", "grpc", "yaml", "rich") if name in sys.modules])'
    )
    out = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True, timeout=60)
    assert out.stdout.splitlines()[-1] == '[]'
