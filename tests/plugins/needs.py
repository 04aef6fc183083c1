"""Tools that a machine may lack: a test that needs one is skipped with a line that says so, or fails.

Mark a test with `@pytest.mark.needs('browser')`. `HEADRACE_TEST_REQUIRE=browser,...` (or `all`) turns the
skips for these tools into failures: a machine that is meant to have them shall not pass by skipping.
With `all`, a module that `pytest.importorskip` does not find fails as well.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Generator
from functools import cache
from importlib.util import find_spec

import pytest
from engine import buildx_missing, compose_missing, engine_missing, podman_missing
from servers.mongo import mongo_missing
from servers.postgres import postgres_missing
from servers.redis_stack import redis_missing
from servers.s3 import s3_missing

BROWSERS = ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable')
SWITCH = 'HEADRACE_TEST_REQUIRE'
REQUIRED = frozenset(filter(None, os.environ.get(SWITCH, '').replace(' ', '').split(',')))


def browser_path() -> str | None:
    """Return where the browser is that the tests may drive."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def _browser() -> str:
    return '' if browser_path() else f'no browser: install chromium (looked for {", ".join(BROWSERS)})'


def _curl() -> str:
    return '' if shutil.which('curl') else 'no curl'


def _kubectl() -> str:
    return '' if shutil.which('kubectl') else 'no kubectl (it renders kustomizations)'


def _openssl() -> str:
    return '' if shutil.which('openssl') else 'no openssl, which makes the certificates'


def _node() -> str:
    missing = [program for program in ('node', 'npm') if not shutil.which(program)]
    return f'no {" and no ".join(missing)}' if missing else ''


def _prometheus() -> str:
    missing = [program for program in ('prometheus', 'promtool') if not shutil.which(program)]
    return f'no {" and no ".join(missing)}: install Prometheus (Debian: prometheus)' if missing else ''


def _torch() -> str:
    return '' if find_spec('torch') else 'no PyTorch: pip install -r requirements/train.txt'


def _linux() -> str:
    return '' if sys.platform == 'linux' else 'this looks into /proc, which only Linux has'


# what a test may ask for -> a function that returns why it is not there, or nothing
TOOLS: dict[str, Callable[[], str]] = {
    'browser': _browser,
    'buildx': buildx_missing,
    'compose': compose_missing,
    'curl': _curl,
    'engine': engine_missing,
    'kubectl': _kubectl,
    'linux': _linux,
    'mongo': mongo_missing,
    'node': _node,
    'openssl': _openssl,
    'podman': podman_missing,
    'postgres': postgres_missing,
    'prometheus': _prometheus,
    'redis': redis_missing,
    's3': s3_missing,
    'torch': _torch,
}


@cache
def missing(tool: str) -> str:
    """Return why `tool` is missing, in one line, or an empty text."""
    return TOOLS[tool]()


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, and refuse a switch with a name that nobody knows."""
    config.addinivalue_line(
        'markers', 'needs(tool, ...): skipped, or failed if required, where a tool is missing'
    )
    unknown = REQUIRED - TOOLS.keys() - {'all'}
    if unknown:
        raise pytest.UsageError(
            f'{SWITCH}: unknown {sorted(unknown)}; there is all, {", ".join(sorted(TOOLS))}'
        )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail a test whose tools are not there."""
    tools = {tool for mark in item.iter_markers('needs') for tool in mark.args}
    if item.get_closest_marker('browser'):
        tools.add('browser')
    if item.get_closest_marker('engine'):
        tools.add('engine')
    for tool in sorted(tools):
        if tool not in TOOLS:
            pytest.fail(
                f'needs({tool!r}): unknown; there is {", ".join(sorted(TOOLS))} (tests/plugins/needs.py)'
            )
        if reason := missing(tool):
            required = REQUIRED & {tool, 'all'}
            (pytest.fail if required else pytest.skip)(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With HEADRACE_TEST_REQUIRE=all, a test that skipped itself for a missing module has failed."""
    report = yield
    if 'all' in REQUIRED and report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2]
        if 'could not import' in reason:
            report.outcome = 'failed'
            report.longrepr = f'{reason} ({SWITCH}=all allows no skip for what is not installed)'
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Treat a whole module that is skipped for a missing module likewise."""
    report = yield
    if 'all' in REQUIRED and report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2]
        if 'could not import' in reason:
            report.outcome = 'failed'
            report.longrepr = f'{collector.nodeid}: {reason} (required by {SWITCH}=all)'
    return report


@pytest.fixture(scope='session', autouse=True)
def _tests_see_no_switch() -> Generator[None, None, None]:
    """Take the switch out of the environment of what is tested."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(SWITCH, raising=False)
        yield


@pytest.fixture(scope='session')
def chromium() -> str:
    """Give the path of the browser; for tests marked `needs('browser')`."""
    path = browser_path()
    assert path, missing('browser')
    return path
