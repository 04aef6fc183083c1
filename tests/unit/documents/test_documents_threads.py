"""Handlers run on threads: whatever is made when first looked at may be looked at by several at once."""

import sys
import threading

import pytest

from headrace import BaseDoc, DocList


@pytest.fixture
def restless():
    """Threads take turns all the time."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def side_by_side(work, count=6):
    """What each of several threads gets that begin together; an error of one is raised."""
    barrier, found, errors = threading.Barrier(count), [], []

    def run():
        barrier.wait()
        try:
            found.append(work())
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return found


def test_lists_of_documents_in_documents_are_made_by_several_threads_at_once(restless):
    for _ in range(60):

        class Part(BaseDoc):
            text: str = ''

        class Whole(BaseDoc):
            parts: DocList[Part] = DocList()

        assert side_by_side(lambda kind=Whole: len(kind().parts)) == [0] * 6
        assert Whole().parts == []


def test_there_is_one_class_of_lists_for_each_class_of_documents(restless):
    for _ in range(60):

        class Part(BaseDoc):
            text: str = ''

        assert len({*side_by_side(lambda kind=Part: DocList[kind])}) == 1
