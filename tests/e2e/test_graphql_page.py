"""GraphiQL in a real browser that can reach nothing but the gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from headrace import BaseDoc, DocList, Executor, Flow, requests

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip('playwright.sync_api')
EDITOR = '.graphiql-query-editor .CodeMirror'
RESULT = '.result-window .CodeMirror'


class Item(BaseDoc):
    """Something that a shop sells."""

    title: str


class Shop(Executor):
    @requests(on='/search')
    def search(self, docs: DocList[Item], **kwargs: Any) -> DocList[Item]:
        """Find items."""
        return docs

    @requests(on='/words')
    async def words(self, doc: Item, **kwargs: Any) -> AsyncIterator[Item]:
        for word in doc.title.split():
            yield Item(title=word)


@pytest.fixture(scope='module')
def address() -> Iterator[str]:
    with Flow(protocol='graphql', title='The <shop>').add(uses=Shop, name='shop') as flow:
        yield f'http://127.0.0.1:{flow.ports["graphql"]}/graphql'


@pytest.fixture(scope='module')
def browser(chromium: str) -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=['--no-sandbox'])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    context = browser.new_context(viewport={'width': 1300, 'height': 800})
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    wrong: list[str] = []
    elsewhere: list[str] = []
    home = address.removesuffix('graphql')
    opened.on('pageerror', lambda error: wrong.append(str(error)))
    opened.on('console', lambda said: wrong.append(said.text) if said.type == 'error' else None)
    opened.on('request', lambda asked: None if near(asked.url, home) else elsewhere.append(asked.url))
    opened.goto(address)
    opened.wait_for_selector(EDITOR)
    yield opened
    context.close()
    assert wrong == []
    assert elsewhere == []


def near(url: str, home: str) -> bool:
    return url.startswith((home, 'data:', 'blob:'))


def run(page: Any, query: str) -> None:
    page.evaluate(f"([query]) => document.querySelector('{EDITOR}').CodeMirror.setValue(query)", [query])
    page.click('.graphiql-execute-button')


def wait_for_result(page: Any, text: str) -> None:
    script = f"text => document.querySelector('{RESULT}')?.CodeMirror.getValue().includes(text)"
    page.wait_for_function(script, arg=text)


def test_a_query(page: Any) -> None:
    run(page, '{ search(data: {title: "red hat"}) { data { title } } }')
    wait_for_result(page, '"title": "red hat"')
    assert page.title() == 'The <shop> - GraphiQL'


def test_a_mistake_is_shown(page: Any) -> None:
    run(page, '{ docs(data: {text: "x"}) { id } }')
    wait_for_result(page, 'Object missing required field')


def test_a_subscription(page: Any) -> None:
    run(page, 'subscription { words(data: {title: "one two last"}) { item { title } } }')
    wait_for_result(page, '"title": "last"')


def test_it_completes_and_explains(page: Any) -> None:
    page.click(EDITOR)
    page.keyboard.press('Control+A')
    page.keyboard.type('{ sea')
    page.keyboard.press('Control+Space')
    page.wait_for_selector('.CodeMirror-hints >> text=search')
    page.keyboard.press('Escape')
    page.click('button[aria-label="Show Documentation Explorer"]')
    page.wait_for_selector('.graphiql-doc-explorer >> text=ItemInput')
