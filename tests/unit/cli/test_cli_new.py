"""`headrace new`: what it makes passes its own tests and checks, at once."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from tiny_wheels import write_wheel

from headrace.cli import main
from headrace.deploy.project import project_files
from headrace.errors import SpecError
from headrace.images import making
from headrace.images.own import Own

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
    assert [
        step['run'].count('--locked') for step in jobs['image']['steps'] if step.get('name') == 'build'
    ] == [1]
    assert (jobs['image']['needs'], jobs['deploy']['needs']) == ('test', 'image')


def test_its_pipeline_takes_the_manifests_that_its_readme_makes(project):
    (line,) = re.findall(r'^headrace (export kubernetes .*)$', (project / 'README.md').read_text(), re.M)
    status, told = run(*HEADRACE, *line.split(), cwd=project)
    assert status == 0, told
    jobs = yaml.safe_load((project / '.github/workflows/ci.yml').read_text())['jobs']
    (step,) = (step for step in jobs['test']['steps'] if step.get('name') == 'export')
    script = f'headrace() {{ {shlex.join(HEADRACE)} "$@"; }}\n{step["run"]}'
    status, told = run('bash', '-e', '-c', script, cwd=project)
    assert status == 0, told
    assert 'nothing would change in k8s' in told


def test_the_namespace_of_its_manifests_is_made_before_them(project):
    told = (project / 'README.md').read_text()
    assert told.index('kubectl create namespace my-shop') < told.index('kubectl apply -k k8s')
    assert 'kubectl create namespace my-shop' in (project / '.github/workflows/ci.yml').read_text()


@pytest.mark.parametrize('is_so', [True, False])
def test_a_version_that_no_index_has_is_told(is_so, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('headrace.cli.new.is_development', lambda: is_so)
    monkeypatch.setattr('headrace.cli.new._of_image', lambda *_: {})
    told = CliRunner().invoke(main, ['new', 'shop'])
    assert told.exit_code == 0, told.output
    assert ('is a development version' in told.stderr) is is_so
    assert 'vendor/' in Path('shop/README.md').read_text()


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
        'json',
        'numpy',
        'PyTest',
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


@pytest.mark.parametrize('name', ['shop', 'My Shop', 'null', 'on', 'e1 - v. 2'])
def test_a_name_stays_what_it_is_in_yaml(name):
    assert yaml.safe_load(project_files(name)['flow.yml'])['with']['name'] == name


def test_its_versions_are_chosen_or_a_note_says_why_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wheels = tmp_path / 'wheels'
    write_wheel(wheels, 'known-here-only', '1.0')
    write_wheel(wheels, 'numpy', '2.0')
    wheel = write_wheel(tmp_path, 'headrace', '9.9', requires=['known-here-only'])
    monkeypatch.setattr(making, 'own', lambda _: Own(source=wheel, requires=('known-here-only',)))
    monkeypatch.setenv('UV_OFFLINE', '1')
    monkeypatch.setenv('UV_FIND_LINKS', str(wheels))
    told = CliRunner().invoke(main, ['new', 'My Shop'])
    assert told.exit_code == 0, told.output
    assert "next: cd 'My Shop' &&" in told.output
    assert set(
        re.findall(r'^([\w-]+)==', (tmp_path / 'My Shop' / 'requirements.lock').read_text(), re.M)
    ) == {
        'known-here-only',
        'numpy',
    }
    (wheels / 'known_here_only-1.0-py3-none-any.whl').unlink()
    told = CliRunner().invoke(main, ['new', 'other'])
    assert told.exit_code == 0, told.output
    assert 'note: no requirements.lock yet, `headrace build` makes it: no versions fit' in told.output
    assert (tmp_path / 'other' / 'Dockerfile').exists()
    assert not (tmp_path / 'other' / 'requirements.lock').exists()


def test_nothing_is_written_if_not_all_can_be(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def fails(_):
        raise SpecError('no')

    monkeypatch.setattr('headrace.cli.new.sketch', fails)
    assert CliRunner().invoke(main, ['new', 'shop']).exit_code == 1
    assert list(tmp_path.iterdir()) == []
