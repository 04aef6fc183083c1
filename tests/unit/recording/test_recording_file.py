"""Recordings as files: what was written is read again, and damage costs nothing but itself."""

import stat

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace import Document, DocumentArray
from headrace.errors import CodecError, HeadraceError
from headrace.pipeline import Batch
from headrace.recording import Case, Preface, Recording, Side
from headrace.recording.file import MAGIC, SYNC, packed
from headrace.recording.recorder import is_chosen_of
from headrace.recording.records import Visit
from headrace.recording.writing import Writer
from headrace.spec.observe import RecordSpec

PREFACE = Preface(flow='flow', version='1', process='gateway', begun=0.0, sample=1.0)


def case(number=0, data=b'', parameters=None):
    docs = DocumentArray([Document(id='a', text='x', blob=data, embedding=np.arange(3.0))])
    side = Side.of(Batch(docs, parameters or {}))
    visit = Visit(executor='encoder', begun_s=0.1, asked=side, answers=[side])
    return Case(
        request_id=str(number), endpoint='/', begun=float(number), asked=side, answers=[side], visits=[visit]
    )


cases = st.builds(
    case,
    st.integers(0, 1000),
    st.binary(max_size=200) | st.just(SYNC * 3),
    st.dictionaries(st.text(), st.integers(-5, 5) | st.text() | st.none()),
)


@settings(max_examples=60)
@given(written=st.lists(cases, max_size=4), cut=st.integers(1, 400))
def test_what_was_written_is_read_up_to_the_cut(tmp_path_factory, written, cut):
    path = tmp_path_factory.mktemp('cut') / 'a.hrec'
    entries = [packed(PREFACE), *map(packed, written)]
    whole = MAGIC + b''.join(entries)
    path.write_bytes(whole)
    recording = Recording(path)
    assert list(recording) == written
    assert recording.prefaces() == [PREFACE]
    assert recording.damaged_bytes == 0

    kept = whole[: max(len(MAGIC), len(whole) - cut)]
    path.write_bytes(kept)
    complete, end = -1, len(MAGIC)
    for entry in entries:
        end += len(entry)
        complete += end <= len(kept)
    found = list(recording)
    assert found == written[: max(complete, 0)]


@settings(max_examples=40)
@given(place=st.integers(0, 10_000), value=st.integers(0, 255))
def test_damage_costs_the_entry_that_it_is_in(tmp_path_factory, place, value):
    path = tmp_path_factory.mktemp('damage') / 'a.hrec'
    written = [case(number) for number in range(3)]
    data = bytearray(MAGIC + b''.join(map(packed, written)))
    place = len(MAGIC) + place % (len(data) - len(MAGIC))
    is_the_same = data[place] == value
    data[place] = value
    path.write_bytes(data)
    found = list(recording := Recording(path))
    assert [each for each in found if each not in written] == []
    assert len(found) == 3 if is_the_same else len(found) == 2
    assert bool(recording.damaged_bytes) is not is_the_same


def test_what_a_batch_holds_comes_back():
    side = case(parameters={'top_k': 3, 'query': np.arange(2)}).asked
    assert side.docs()[0].embedding.tolist() == [0, 1, 2]
    assert side.plain_parameters()['top_k'] == 3
    assert side.plain_parameters()['query'].tolist() == [0, 1]


@pytest.mark.parametrize('data', [b'', b'something else'])
def test_another_file_is_no_recording(tmp_path, data):
    (tmp_path / 'a').write_bytes(data)
    with pytest.raises(CodecError, match='is no recording'):
        Recording(tmp_path / 'a')


def test_a_later_format_says_so(tmp_path):
    (tmp_path / 'a').write_bytes(MAGIC[:-1] + b'\x09')
    with pytest.raises(CodecError, match='format 9'):
        Recording(tmp_path / 'a')


def test_two_writers_share_a_file_of_their_owner_alone(tmp_path):
    spec = RecordSpec(path=str(tmp_path / 'a.hrec'))
    (tmp_path / 'a.hrec').touch(0o644)
    writers = [Writer(spec, PREFACE), Writer(spec, PREFACE)]
    for number in range(10):
        assert writers[number % 2].hold(10)
        writers[number % 2].take(case(number), 10)
    assert [writer.close().requests for writer in writers] == [5, 5]
    assert {each.request_id for each in Recording(spec.path)} == set(map(str, range(10)))
    assert len(Recording(spec.path).prefaces()) == 2
    assert stat.S_IMODE((tmp_path / 'a.hrec').stat().st_mode) == 0o600


def test_a_file_ends_where_it_was_told_to(tmp_path):
    most = len(MAGIC + packed(PREFACE)) + 2 * len(packed(case()))
    writer = Writer(RecordSpec(path=str(tmp_path / 'a'), most_bytes=most, keep='oldest'), PREFACE)
    for _ in range(5):
        writer.take(case(), 0)
    written = writer.close()
    assert (written.requests, written.left_out) == (2, 3)
    assert writer.is_full
    assert (tmp_path / 'a').stat().st_size == most == written.bytes


def test_memory_has_a_bound(tmp_path):
    writer = Writer(RecordSpec(path=str(tmp_path / 'a')), PREFACE)
    assert not writer.hold(1 << 40)
    assert writer.hold(100)
    writer.leave_out(100)
    assert writer.close().left_out == 1


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / 'notes.txt').write_text('mine')
    for name, words in (('notes.txt', 'is no recording'), ('none/a', 'cannot be recorded'), ('', 'cannot')):
        with pytest.raises(HeadraceError, match=words):
            Writer(RecordSpec(path=str(tmp_path / name)), PREFACE)
    assert (tmp_path / 'notes.txt').read_text() == 'mine'


@given(st.text())
def test_an_id_is_chosen_or_not_wherever_it_comes(request_id):
    assert is_chosen_of(request_id, 1.0)
    assert not is_chosen_of(request_id, 0.0)
    assert is_chosen_of(request_id, 0.3) <= is_chosen_of(request_id, 0.6)


def test_about_as_many_as_wanted_are_chosen():
    assert 80 < sum(is_chosen_of(str(number), 0.1) for number in range(1000)) < 120
