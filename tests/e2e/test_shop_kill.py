"""Kill -9 while indexing: nothing that was acknowledged is lost, and the next run finishes the work."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from headrace import DocList
from shop import catalogue
from shop.documents import Garment
from shop.service import Places, service, synchronise

COUNT = 60
FOLDER = Path(__file__).parents[2] / 'examples' / 'shop_the_look'
INDEXING = """\
import sys
from pathlib import Path

from headrace import DocList
from shop import catalogue
from shop.documents import Garment
from shop.service import Places, service

folder = Path(sys.argv[1])
places = Places(catalogue=folder / 'catalogue', examples=folder / 'examples', workspace=folder / 'index')
with service(places) as flow:
    garments = catalogue.read(places.catalogue)
    print('began', flush=True)
    flow.post(
        '/index',
        garments,
        request_size=4,
        prefetch=1,
        on_done=lambda response: print(*response.docs.id, flush=True),
        return_type=DocList[Garment],
    )
print('ended', flush=True)
"""


@pytest.fixture(scope='module')
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp('drawn') / 'catalogue'
    catalogue.draw(folder, COUNT)
    return folder


def acknowledged_before_the_kill(folder, answers):
    """Index in another process; kill it and all that it started as soon as so many requests were answered."""
    process = subprocess.Popen(
        [sys.executable, '-c', INDEXING, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {'PYTHONPATH': str(FOLDER), 'HEADRACE_RUNTIME_DIR': str(folder)},
    )
    assert process.stdout is not None
    running: list[psutil.Process] = [psutil.Process(process.pid)]
    with process.stdout as output:
        try:
            assert output.readline() == 'began\n'
            running = [*running[0].children(recursive=True), *running]
            acknowledged = [output.readline().split() for _ in range(answers)]
        finally:
            for each in running:
                each.kill()
        acknowledged += [line.split() for line in output if line.count('.jpg') == 4]
        process.wait(30)
    return [name for names in acknowledged for name in names]


@pytest.mark.needs('linux')
@pytest.mark.parametrize('answers', [1, 4, 9])
def test_kill_minus_9_loses_nothing_that_was_acknowledged(drawn, tmp_path, answers):
    (tmp_path / 'catalogue').symlink_to(drawn)
    acknowledged = acknowledged_before_the_kill(tmp_path, answers)
    assert 4 * answers <= len(acknowledged) < COUNT
    places = Places(
        catalogue=tmp_path / 'catalogue', examples=tmp_path / 'examples', workspace=tmp_path / 'index'
    )
    with service(places) as flow:
        stored = flow.post('/stored', return_type=DocList[Garment])
        assert set(acknowledged) <= set(stored.id)
        garments = catalogue.read(places.catalogue)
        synchronise(flow, garments, show_progress=False)
        again = flow.post('/stored', return_type=DocList[Garment])
        assert sorted(again.id) == sorted(garments.id)
