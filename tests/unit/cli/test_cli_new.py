"""`headrace new`: what it makes passes its own tests and checks, at once."""

import subprocess
import sys

import pytest
import yaml
from click.testing import CliRunner

from headrace.cli import main
from headrace.deploy.project import project_files
from headrace.errors import SpecError

HEADRACE = (sys.executable, '-c', 'from headrace.cli import main; main()')


def run(*command, cwd):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=110, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope='module')
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp('new') / 'my-shop'
    status, told = run(*HEADRACE, 'new', 'my-shop', cwd=folder.parent)
    assert status == 0, told
    return folder


def test_its_tests_pass(project):
    status, told = run(sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', cwd=project)
    assert status == 0, told
    assert '6 passed' in told


def test_its_code_is_clean(project):
    assert run(sys.executable, '-m', 'ruff', 'check', '--no-cache', '.', cwd=project)[0] == 0
    assert run(sys.executable, '-m', 'ruff', 'format', '--no-cache', '--check', '.', cwd=project)[0] == 0


def test_a_pipeline_would_take_its_flow(project):
    status, told = run(*HEADRACE, 'check', 'flow.yml', '--strict', cwd=project)
    assert status == 0, told


def test_its_pipeline_is_yaml_with_the_steps_to_production(project):
    jobs = yaml.safe_load((project / '.github/workflows/ci.yml').read_text())['jobs']
    assert list(jobs) == ['test', 'image', 'deploy']
    assert (jobs['image']['needs'], jobs['deploy']['needs']) == ('test', 'image')


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / 'kept').write_text('mine')
    result = CliRunner().invoke(main, ['new', 'shop', '-o', str(tmp_path)])
    assert result.exit_code == 1
    assert 'is there already' in result.output
    assert [path.name for path in tmp_path.iterdir()] == ['kept']


@pytest.mark.parametrize(
    'name',
    [
        '',
        '1shop',
        'class',
        '***',
        'headrace',
        'tests',
        'my: shop',
        'x\ny: 1',
        '{{x}}',
        '`id`',
        '\\x',
        'a"b',
        '..',
    ],
)
def test_a_name_that_no_package_can_have_is_refused(name):
    with pytest.raises(SpecError, match='cannot be called'):
        project_files(name)


@pytest.mark.parametrize('name', ['shop', 'My Shop', 'my_shop.v2', 'shop-2'])
def test_no_word_of_the_template_is_left(name):
    for path, text in project_files(name).items():
        for word in ('__NAME__', '__PACKAGE__', '__DISTRIBUTION__'):
            assert word not in path + text
