"""The documentation page in a real browser: it shows the routes and lets people try them."""

import json

import pytest

pytestmark = pytest.mark.browser
async_api = pytest.importorskip('playwright.async_api')


@pytest.fixture
async def page(gateway, chromium):
    async with async_api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=['--no-sandbox'])
        opened = await browser.new_page(viewport={'width': 1200, 'height': 900})
        opened.set_default_timeout(15_000)
        home = f'http://127.0.0.1:{gateway.port}/'
        wrong, elsewhere = [], []
        opened.on('pageerror', lambda error: wrong.append(str(error)))
        opened.on('console', lambda line: None if is_fine(line) else wrong.append(line.text))
        opened.on(
            'request', lambda asked: None if asked.url.startswith(home) else elsewhere.append(asked.url)
        )
        await opened.goto(f'{home}docs')
        await opened.wait_for_selector('article')
        yield opened
        await browser.close()
    assert wrong == []
    assert elsewhere == []


def is_fine(line):
    """Whether a line of the console is no fault: browsers note every answer that is not 200."""
    return line.type != 'error' or 'the server responded with a status of 422' in line.text


async def test_it_lists_every_route(gateway, page):
    described = (await gateway.client.get('/openapi.json')).json()['paths']
    shown = await page.locator('article .path').all_text_contents()
    assert sorted(shown) == sorted(path for path, item in described.items() for _ in item)
    assert await page.locator('h1').text_content() == 'bazaar'


async def test_a_request_can_be_tried(page):
    route = page.locator('#post_index')
    await route.locator('summary').click()
    body = json.loads(await route.locator('textarea').input_value())
    assert body['data'] == [{'title': 'hello', 'price': 0}]
    await route.locator('textarea').fill('{"data": [{"title": "<b>shirt</b>"}]}')
    await route.get_by_role('button', name='Send').click()
    answer = route.locator('pre')
    await answer.wait_for()
    assert json.loads(await answer.text_content())['data'][0]['title'] == '<B>SHIRT</B>'
    assert await route.locator('.status').text_content() == '200 OK'
    assert await route.locator('.status.good').count() == 1


async def test_a_mistake_is_shown_with_its_field(page):
    route = page.locator('#post_index')
    await route.locator('summary').click()
    await route.locator('textarea').fill('{"data": [{"title": 3}]}')
    async with page.expect_response('**/index') as sent:
        await route.get_by_role('button', name='Send').click()
    assert (await sent.value).status == 422
    assert '$.data[0].title' in await route.locator('pre').text_content()


async def test_fields_are_explained_down_to_the_documents(page):
    route = page.locator('#post_index')
    await route.locator('summary').click()
    await route.locator('td').first.wait_for()
    cells = await route.locator('td').all_text_contents()
    assert 'title *' in cells
    assert 'list of Item or Item' in cells


async def test_the_filter_leaves_what_is_wanted(page):
    await page.get_by_role('searchbox').fill('search')
    assert await page.locator('article:visible .path').all_text_contents() == ['/search']
    assert await page.locator('nav li:visible').count() == 1


async def test_it_can_be_used_with_the_keyboard(page):
    await page.keyboard.press('Tab')
    assert await page.evaluate('document.activeElement.className') == 'skip'
    summary = page.locator('#post_index summary')
    await summary.focus()
    await page.keyboard.press('Enter')
    await page.locator('#post_index form').wait_for()
