"""The views of the dashboard beside the graph: requests with their stages, logs, a form to try endpoints."""

from __future__ import annotations

import struct
import urllib.error
import urllib.request
import zlib
from pathlib import Path

import pytest
from dashboard_shop import Opening, ask

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
pytest.importorskip('playwright.sync_api')


def test_a_request_that_failed_and_one_that_was_slow(opening: Opening, home: str) -> None:
    assert ask(home, 'slow', 'took-its-time')[0] == 200
    assert ask(home, 'broken', 'went-wrong')[0] == 500
    page = opening('requests')
    slow = page.locator('.requests > li', has=page.locator('[data-request^="took-its-time"]'))
    slow.locator('button').click()
    assert slow.locator('.fall tbody th').all_inner_texts()[1].startswith('encoder')
    encoder = slow.locator('.fall tbody tr').nth(1)
    assert encoder.locator('td.number').nth(2).text_content() in [f'{each} ms' for each in range(695, 900)]
    handler = encoder.locator('i.handler')
    assert float(handler.evaluate('part => part.offsetWidth / part.parentElement.offsetWidth')) > 0.8
    page.get_by_role('button', name='Failed').click()
    failed = page.locator('.requests > li', has=page.locator('[data-request^="went-wrong"]'))
    assert 'the picture is truncated' in (failed.locator('.why').text_content() or '')
    failed.locator('button').click()
    assert failed.locator('.fall i.unknown').count() + failed.locator('.fall i.handler').count() >= 1
    failed.locator('a', has_text='its log lines').click()
    page.wait_for_selector('.lines >> text=cannot read broken')
    assert page.locator('#logs-request').input_value() == 'went-wrong'


def test_a_refused_request_is_told_from_one_that_failed(opening: Opening, home: str) -> None:
    refused = urllib.request.Request(
        home + 'search', b'{"data": [{"titel": 1}]}', {'content-type': 'application/json'}
    )
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(refused)
    raised.value.close()
    page = opening('requests')
    page.get_by_role('button', name='Refused').click()
    page.wait_for_selector('.requests .status.warn')


def test_logs_by_process_level_and_text(opening: Opening, home: str) -> None:
    ask(home, 'umbrella', 'rainy-day')
    page = opening('logs')
    page.wait_for_selector('.lines >> text=looking for umbrella')
    page.select_option('#logs-process', 'encoder/rep-0')
    page.wait_for_function("() => !document.querySelector('.lines').textContent.includes('umbrella')")
    page.select_option('#logs-process', '')
    page.fill('#logs-request', 'rainy-day')
    page.wait_for_function("() => document.querySelector('.lines').textContent.includes('umbrella')")
    page.fill('#logs-text', 'no such words')
    page.wait_for_selector('.lines >> text=No such line')


def test_the_form_sends_a_picture_and_shows_it(opening: Opening, tmp_path: Path) -> None:
    picture = tmp_path / 'hat.png'
    picture.write_bytes(png(24, 16))
    page = opening('try')
    page.select_option('#try-endpoint', '/search')
    page.get_by_label('title').fill('red hat')
    page.set_input_files('#try-files', picture)
    page.wait_for_function("() => document.querySelector('.previews img')?.naturalWidth === 24")
    page.get_by_role('button', name='Send').click()
    page.wait_for_function("() => document.querySelector('.document img')?.naturalWidth === 24")
    assert page.locator('.document >> text=red hat').is_visible()
    page.wait_for_selector('.result .fall')
    assert [each.split('\n')[0] for each in page.locator('.fall tbody th').all_inner_texts()] == [
        'gateway',
        'encoder',
        'index',
    ]


def png(width: int, height: int) -> bytes:
    """A picture of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))

    head = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    rows = (b'\0' + b'\x20\x90\xc0' * width) * height
    return (
        b'\x89PNG\r\n\x1a\n'
        + chunk(b'IHDR', head)
        + chunk(b'IDAT', zlib.compress(rows))
        + chunk(b'IEND', b'')
    )


def test_the_form_says_what_is_wrong(opening: Opening) -> None:
    page = opening('try')
    page.get_by_role('button', name='JSON').click()
    page.fill('#try-json', '[{"title": ')
    page.get_by_role('button', name='Send').click()
    page.wait_for_selector('[role=alert] >> text=Documents:')
    page.fill('#try-json', '[{"title": "hat"}, {"title": "scarf"}]')
    page.get_by_role('button', name='Send').click()
    page.wait_for_selector('.document >> text=scarf')
    assert page.locator('[role=alert]').is_hidden()
