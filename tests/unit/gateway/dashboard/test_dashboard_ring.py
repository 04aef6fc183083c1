"""Which requests are kept: the slowest and the last that went wrong, a bounded number, of all gateways."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.gateway.dashboard.ring import OVER_S, TRIED, Ring
from headrace.gateway.dashboard.shared import FILES, FOLDER, Shared
from headrace.gateway.finished import LONGEST_ERROR, Finished
from headrace.pipeline.hops import Hop, Timing


def finished(seconds: float = 0.01, status: int = 200, **fields: object) -> Finished:
    known = {'endpoint': '/search', 'request_id': f'{seconds}-{status}', 'begun': 1000.0} | fields
    return Finished('http', 5.0, status=status, seconds=seconds, **known)  # type: ignore[arg-type]


@given(st.lists(st.floats(0.0, 100.0), max_size=60), st.integers(1, 10))
def test_the_slowest_are_kept(took: list[float], most: int) -> None:
    ring = Ring(most)
    for seconds in took:
        ring.note(finished(seconds))
    kept = sorted((ended.took_s for ended in ring.kept().slow), reverse=True)
    assert (
        kept == sorted(took, reverse=True)[:most] or kept == sorted(filter(None, took), reverse=True)[:most]
    )


def test_the_last_that_went_wrong_are_kept() -> None:
    ring = Ring(3)
    for number in range(10):
        ring.note(finished(0.001 * number, 500 if number % 2 else 422))
    kept = ring.kept()
    assert [round(ended.took_s, 3) for ended in kept.failed] == [0.005, 0.007, 0.009]
    assert [round(ended.took_s, 3) for ended in kept.refused] == [0.004, 0.006, 0.008]


def test_slow_ones_are_forgotten_in_time() -> None:
    ring = Ring()
    ring.note(finished(9.0, begun=1000.0))
    ring.note(finished(1.0, begun=1000.0 + OVER_S / 2))
    assert {ended.took_s for ended in ring.kept().slow} == {9.0, 1.0}
    ring.note(finished(2.0, begun=1000.0 + OVER_S))
    assert {ended.took_s for ended in ring.kept().slow} == {1.0, 2.0}
    ring.note(finished(3.0, begun=1000.0 + 10 * OVER_S))
    assert {ended.took_s for ended in ring.kept().slow} == {3.0}


def test_a_page_is_no_request_unless_it_fails() -> None:
    ring = Ring()
    ring.note(finished(1.0, endpoint=''))
    ring.note(finished(1.0, 404, endpoint=''))
    assert repr(ring) == '<Ring of 0 slow, 0 failed, 0 refused>'
    ring.note(finished(1.0, 500, endpoint=''))
    assert len(ring.kept().failed) == 1


def test_stages_say_where_the_time_went() -> None:
    timing = Timing(0.2, 0.1, 0.5, 8, 'encoder/rep-1', 2)
    hops = [Hop('encoder', 5.25, 0.75, timing), Hop('index', 6.0, 0.1, None, 'Unavailable')]
    ring = Ring()
    ring.note(finished(1.2, 503, hops=hops, error='Unavailable: nobody at /srv/models/net.onnx'))
    ended = ring.kept().failed[0]
    first, second = ended.hops
    assert (first.begun_s, first.took_s, first.is_timed) == (0.25, 0.75, True)
    assert (first.queue_s, first.batch_s, first.handler_s) == (0.1, 0.1, 0.5)
    assert first.way_s == pytest.approx(0.05)
    assert ended.gateway_s == pytest.approx(0.35)
    assert (first.replica, first.attempts, first.documents) == ('encoder/rep-1', 2, 8)
    assert (second.begun_s, second.is_timed, second.error) == (1.0, False, 'Unavailable')
    assert ended.error == 'Unavailable: nobody at net.onnx'


def test_long_errors_are_cut() -> None:
    ring, wrong = Ring(), finished(1.0)
    wrong.failed(ValueError('x' * 10_000))
    ring.note(wrong)
    assert len(wrong.error) == len(ring.kept().failed[0].error) == LONGEST_ERROR


def test_those_of_the_form_are_kept_however_they_went(tmp_path: Path) -> None:
    shared = Shared('', 2)
    for number in range(3):
        shared.note(finished(5.0 + number))
    shared.note(finished(0.001, request_id=f'{TRIED}1'))
    named = shared.read(1000.0, f'{TRIED}1').named
    assert named is not None
    assert named.took_s == 0.001
    assert shared.read(1000.0, 'nobody').named is None


async def test_gateways_share_what_they_keep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Shared(str(tmp_path))
    other.note(finished(3.0, 500, request_id='of-another'))
    other.close()
    files = list((tmp_path / FOLDER).glob('*.msgpack'))
    files[0].rename(files[0].with_name('1.msgpack'))  # as if it were another process
    own = Shared(str(tmp_path))
    own.note(finished(4.0, 500, request_id='own', begun=1001.0))
    told = own.read(1000.0)
    assert [ended.id for ended in told.failed] == ['own', 'of-another']
    assert [ended.id for ended in told.slow] == ['own', 'of-another']
    assert (await asyncio.to_thread(own.read, 1000.0, 'of-another')).named is not None
    own.close()
    assert len(list((tmp_path / FOLDER).glob('*'))) == 2


async def test_news_are_written_once_for_many(tmp_path: Path) -> None:
    shared = Shared(str(tmp_path), write_every_s=3600.0)
    for number in range(100):
        shared.note(finished(float(number), 500))
    assert list((tmp_path / FOLDER).glob('*')) == []
    shared.close()
    assert len(list((tmp_path / FOLDER).glob('*.msgpack'))) == 1


def test_files_of_gateways_do_not_pile_up(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    for number in range(40):
        (tmp_path / FOLDER / f'{number}.msgpack').write_bytes(b'not ours')
    shared = Shared(str(tmp_path))
    assert len(list((tmp_path / FOLDER).glob('*'))) == FILES - 1
    assert shared.read(0.0).failed == ()  # what cannot be read is passed over
