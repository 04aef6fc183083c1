from headrace.observe.metrics import catalogue
from headrace.observe.metrics.exposition import written
from headrace.observe.metrics.reading import read
from headrace.observe.metrics.store import Store


def lines(store, **options):
    text, _ = written(read(None, store), 'shop', **options)
    return [line for line in text.decode().splitlines() if not line.startswith('#')]


def counted(*names):
    store = Store(process='test')
    for name in names:
        store.counter(catalogue.RETRIES).labels(name).add()
    return store


def test_the_version_is_a_label_of_its_own():
    found = lines(counted('encoder', 'encoder/v2', 'encoder/v2/before', 'index', 'index/after'))
    assert found == [
        'headrace_retries_total{executor="encoder",flow="shop",version="main"} 1.0',
        'headrace_retries_total{executor="encoder",flow="shop",version="v2"} 1.0',
        'headrace_retries_total{executor="encoder/before",flow="shop",version="v2"} 1.0',
        'headrace_retries_total{executor="index",flow="shop",version=""} 1.0',
        'headrace_retries_total{executor="index/after",flow="shop",version=""} 1.0',
    ]


def test_without_versions_there_is_no_such_label():
    assert lines(counted('encoder', 'encoder/before')) == [
        'headrace_retries_total{executor="encoder",flow="shop"} 1.0',
        'headrace_retries_total{executor="encoder/before",flow="shop"} 1.0',
    ]


def test_who_knows_only_itself_says_that_it_is_main():
    assert lines(counted('encoder'), versioned=('encoder',)) == [
        'headrace_retries_total{executor="encoder",flow="shop",version="main"} 1.0'
    ]
