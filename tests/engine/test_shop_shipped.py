"""Shop the look as containers: built, exported, indexed, searched; its index outlives all of them."""

import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from compose_project import Project, free_port

from headrace import Client, DocList
from headrace.images.own import own
from shop import catalogue
from shop.documents import Look
from shop.service import synchronise

pytestmark = [pytest.mark.engine, pytest.mark.needs('compose'), pytest.mark.timeout(400)]

EXAMPLE = Path(__file__).parents[2] / 'examples/shop_the_look'
COUNT = 60
SETTINGS = ('page=page', 'workspace=/data', 'catalogue=/catalogue', 'examples=/examples')
OVERRIDE = """
services:
  gateway:
    ports: !override ['127.0.0.1:{port}:{port}']
    volumes: &pictures ['{catalogue}:/catalogue:ro', '{examples}:/examples:ro']
  loader:
    volumes: *pictures
"""
"""What is of this machine: where pictures are, and which port is free."""


def headrace(*arguments: object) -> None:
    program = [sys.executable, '-c', 'from headrace.cli import main; main()', *map(str, arguments)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=350, check=False)
    assert done.returncode == 0, f'{" ".join(program[3:])}\n{done.stdout}{done.stderr}'


@pytest.fixture(scope='module')
def image(engine, base_image, tmp_path_factory):
    """The image of the whole Flow, made from a copy of its folder: a lock is written there."""
    folder = tmp_path_factory.mktemp('build') / 'shop_the_look'
    left_out = shutil.ignore_patterns('__pycache__', 'training', 'requirements.lock')
    shutil.copytree(EXAMPLE, folder, ignore=left_out)
    wheel = own('').wheel(tmp_path_factory.mktemp('own'))
    tag = f'{engine.name("shop-the-look")}:1'
    try:
        headrace(
            'build', folder, '-t', tag, '--headrace', wheel, '--base', base_image, '--label', engine.label
        )
        yield tag
    finally:
        engine.run('rmi', '-f', tag, check=False)


@pytest.fixture(scope='module')
def places(tmp_path_factory):
    folder = tmp_path_factory.mktemp('shop')
    catalogue.draw(folder / 'catalogue', COUNT)
    (folder / 'examples').mkdir()
    for path in (folder, *folder.rglob('*')):
        path.chmod(0o755 if path.is_dir() else 0o644)  # who runs in containers is another user
    return folder


@pytest.fixture(scope='module')
def compose(engine, image, places):
    """The exported file as a project; what it has started ends with the module."""
    port = free_port()
    settings = {
        'port': port,
        'page': 'page',
        'workspace': '/data',
        'catalogue': '/catalogue',
        'examples': '/examples',
    }
    said = [part for key, value in settings.items() for part in ('--set', f'{key}={value}')]
    folder = places / 'compose'
    headrace('export', 'compose', EXAMPLE / 'flow.yml', '-o', folder, '--image', image, *said)
    own_file = folder / 'compose.override.yaml'
    own_file.write_text(
        OVERRIDE.format(port=port, catalogue=places / 'catalogue', examples=places / 'examples')
    )
    with Project(engine, folder, port, own_file) as project:
        yield project.up(timeout_s=240)


def best(client, places, garment):
    """The garment that looks most like the picture of one."""
    look = Look(blob=(places / 'catalogue' / garment.uri).read_bytes())
    (found,) = client.post(
        '/search', DocList[Look]([look]), parameters={'limit': 3}, return_type=DocList[Look]
    )
    return found.matches[0].id


def test_it_is_indexed_and_searched_and_its_index_outlives_its_containers(compose, places, left_over):
    client = Client(compose.url)
    garments = catalogue.read(places / 'catalogue')
    assert synchronise(client, garments, show_progress=False).added == COUNT
    assert [best(client, places, garment) for garment in garments[:5]] == garments[:5].id

    compose('up', '-d', '--force-recreate', '--wait', timeout_s=240)
    assert synchronise(client, garments, show_progress=False).added == 0
    assert [best(client, places, garment) for garment in garments[-5:]] == garments[-5:].id

    for path, expected in (('/', b'<html'), (f'/pictures/{garments[0].uri}', b'JFIF')):
        with urllib.request.urlopen(compose.url + path, timeout=30) as answer:
            assert expected in answer.read()

    compose('down', '-v', '--timeout', '5')
    left_over(f'label=com.docker.compose.project={compose.name}')
