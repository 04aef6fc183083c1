"""A worker opens what documents name only where it may; the program that sends them opens anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from limited import Loader

from headrace import Document, Flow
from headrace.errors import HeadraceError


def test_a_worker_opens_what_it_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('pictures', 'shared', 'private'):
        (tmp_path / name).mkdir()
        (tmp_path / name / 'a').write_bytes(b'content')
    monkeypatch.setenv('HEADRACE_ALLOW_URIS', f'file://{tmp_path}/shared/')
    with Flow().add(name='loader', uses=Loader, allow_uris=[f'{tmp_path}/pictures']) as flow:
        for name in ('pictures', 'shared'):
            assert flow.post('/load', Document(uri=f'{tmp_path}/{name}/a'))[0].blob == b'content'
        for hostile in (f'{tmp_path}/private/a', f'{tmp_path}/pictures/../private/a', 'http://127.0.0.1/'):
            with pytest.raises(HeadraceError, match='which documents may not name') as caught:
                flow.post('/load', Document(uri=hostile))
            assert getattr(caught.value, 'status', '') in (403, 'PERMISSION_DENIED')
        assert Document(uri=f'{tmp_path}/private/a').load_uri_to_blob().blob == b'content'


def test_what_cannot_be_allowed_is_said_at_the_start() -> None:
    with pytest.raises(HeadraceError, match="'ftp://example.org/' cannot be allowed"):
        Flow().add(name='loader', uses=Loader, allow_uris=['ftp://example.org/']).start()
