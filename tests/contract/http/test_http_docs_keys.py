"""The documentation page where callers show keys, and where answers come in parts, in a browser."""

import json
from collections.abc import AsyncIterator

import pytest

from headrace import BaseDoc, Executor, requests
from headrace.gateway.security import keys
from headrace.spec.security import SecuritySpec

pytestmark = pytest.mark.browser
async_api = pytest.importorskip('playwright.async_api')


class Word(BaseDoc):
    text: str = ''


class Speaker(Executor):
    @requests(on='/say')
    async def say(self, doc: Word, **kwargs) -> AsyncIterator[Word]:
        for word in doc.text.split():
            yield Word(text=word)


@pytest.fixture
async def browser(chromium):
    async with async_api.async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=chromium, args=['--no-sandbox'])
        yield opened
        await opened.close()


async def visit(browser, gateway, path='docs'):
    page = await browser.new_page()
    page.set_default_timeout(15_000)
    await page.goto(f'http://127.0.0.1:{gateway.port}/{path}')
    return page


async def test_a_key_opens_the_description_and_goes_with_requests(open_flow, browser, tmp_path):
    shown, kept = keys.new_key('page')
    file = tmp_path / 'keys.json'
    keys.write(file, keys.KeyFile((kept,)))
    security = SecuritySpec(keys=str(file), anonymous=('/docs',))
    page = await visit(browser, await open_flow(Speaker, security=security))
    await page.get_by_label('Key').fill(shown)
    await page.get_by_role('button', name='Show').click()
    route = page.locator('#post_say')
    await route.locator('summary').click()
    await route.get_by_role('button', name='Send').click()
    await route.locator('.status.good').wait_for()


async def test_parts_can_be_tried_with_a_query(open_flow, browser):
    page = await visit(browser, await open_flow(Speaker))
    route = page.locator('#get_say')
    await route.locator('summary').click()
    await route.get_by_label('Query').fill('text=red hat')
    await route.get_by_role('button', name='Send').click()
    answer = await route.locator('pre').text_content()
    assert answer.count('event: item') == 2


async def test_a_page_hears_events_with_event_source(open_flow, browser):
    gateway = await open_flow(Speaker)
    page = await visit(browser, gateway)
    found = await page.evaluate(
        """() => new Promise((done) => {
            const heard = [];
            const source = new EventSource('/say?text=red%20hat');
            const hear = (event) => heard.push(event.data);
            for (const kind of ['item', 'end']) source.addEventListener(kind, hear);
            source.onerror = () => { if (source.readyState === EventSource.CLOSED) done(heard); };
        })"""
    )
    assert [json.loads(data).get('text') for data in found] == ['red', 'hat', None]  # and it asked but once
