"""Folders with a page in, what browsers get out."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.gateway.http.page_files import PageFiles, beside, guarded


@pytest.fixture
def files(tmp_path: Path) -> PageFiles:
    (tmp_path / 'page.html').write_text('<h1>{{title}}</h1>{{more}}{ {')
    (tmp_path / 'page.css').write_text('p {}')
    (tmp_path / 'page.js').write_text('1')
    (tmp_path / 'LICENSE').write_text('free')
    (tmp_path / 'NOTICE.md').write_text('free')
    return PageFiles(tmp_path)


def test_parts_are_what_browsers_load_and_no_licences(files: PageFiles) -> None:
    assert files.names == ('page.css', 'page.js')


def test_values_are_put_in_once(files: PageFiles) -> None:
    assert files.page(title='{{more}}', more='x') == b'<h1>{{more}}</h1>x{ {'
    with pytest.raises(KeyError, match='more'):
        files.page(title='')


def test_rules() -> None:
    rules = dict(guarded(frames='none', images='data:'))
    assert rules[b'x-frame-options'] == b'DENY'
    assert b"img-src 'self' data:; " in rules[b'content-security-policy']
    assert b"style-src 'self'; " in rules[b'content-security-policy']
    assert b"frame-ancestors 'none'" in rules[b'content-security-policy']


def test_a_slash_leads_to_the_page() -> None:
    assert beside('/a/docs/').headers == ((b'location', b'../docs'),)
