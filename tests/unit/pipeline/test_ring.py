import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.pipeline.ring import _jumps, jump, key_of, shards_of


def shard_of(doc_id: str, shards: int) -> int:
    return jump(key_of(doc_id), shards)


@pytest.mark.parametrize(
    ('key', 'shards', 'found'),
    [(1, 1, 0), (42, 57, 43), (0xDEAD10CC, 1, 0), (0xDEAD10CC, 666, 361), (256, 1024, 520)],
)
def test_the_published_values_of_jump_consistent_hash(key, shards, found):
    assert jump(key, shards) == found


def test_the_shards_of_these_ids_never_change():
    # indexes on disk are laid out by them
    ids = ['', 'a', 'red shirt', 'größe', '0' * 32, '\ud800']
    assert [shard_of(each, 4) for each in ids] == [2, 3, 1, 3, 1, 2]
    assert key_of('a') == 0x2F42665B399EF840


@given(st.lists(st.integers(0, 2**64 - 1), max_size=60), st.integers(1, 300))
def test_a_column_of_keys_is_spread_as_each_of_them(keys, shards):
    assert _jumps(np.array(keys, np.uint64), shards).tolist() == [jump(key, shards) for key in keys]


@given(st.lists(st.text(), max_size=150), st.integers(1, 9))
def test_a_column_of_ids_is_spread_as_each_of_them(ids, shards):
    assert shards_of(ids, shards) == [shard_of(each, shards) for each in ids]


@given(st.text(), st.integers(1, 40))
def test_one_shard_more_takes_from_the_others_only_what_it_gets(doc_id, shards):
    before, after = shard_of(doc_id, shards), shard_of(doc_id, shards + 1)
    assert after in (before, shards)


def test_ids_are_spread_evenly():
    counts = Counter(shards_of([str(number) for number in range(40_000)], 5))
    assert all(abs(count - 8000) < 400 for count in counts.values())


def test_another_process_finds_the_same_shards():
    code = 'from headrace.pipeline.ring import shards_of; print(shards_of([str(n) for n in range(99)], 7))'
    printed = subprocess.run(
        [sys.executable, '-c', code], check=True, capture_output=True, text=True, env={'PYTHONHASHSEED': '5'}
    ).stdout
    assert printed.strip() == str(shards_of([str(number) for number in range(99)], 7))
