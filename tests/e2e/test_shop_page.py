"""The page in a real browser: a photo is dropped, matches appear, wishes and the theme change them."""

import base64
import re

import pytest

from shop import catalogue, examples
from shop.drawing import design
from shop.evaluation import snapshot
from shop.service import Places, service, synchronise

pytestmark = pytest.mark.browser
sync_api = pytest.importorskip('playwright.sync_api')
COUNT = 48


@pytest.fixture(scope='module')
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp('shop')
    catalogue.draw(folder / 'catalogue', COUNT)
    examples.draw(folder / 'examples', COUNT)
    places = Places(catalogue=folder / 'catalogue', examples=folder / 'examples', workspace=folder / 'index')
    with service(places) as flow:
        synchronise(flow, catalogue.read(places.catalogue), show_progress=False)
        yield f'http://127.0.0.1:{flow.ports["http"]}/'


@pytest.fixture(scope='module')
def browser(chromium):
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=['--no-sandbox'])
        yield opened
        opened.close()


@pytest.fixture
def page(browser, shop):
    context = browser.new_context(viewport={'width': 1360, 'height': 900}, reduced_motion='reduce')
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    wrong, elsewhere = [], []
    opened.on('pageerror', lambda error: wrong.append(str(error)))
    opened.on(
        'request', lambda request: elsewhere.append(request.url) if not here(request.url, shop) else None
    )
    opened.goto(shop)
    yield opened
    context.close()
    assert wrong == []
    assert elsewhere == []


def here(url, shop):
    return url.startswith((shop, 'data:', 'blob:'))


def drop(page, name, kind, content):
    """Drop a file on the page as a person would."""
    page.evaluate(
        """([name, kind, content]) => {
            const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([bytes], name, { type: kind }));
            const target = document.getElementById('drop');
            for (const event of ['dragover', 'drop'])
                target.dispatchEvent(new DragEvent(event, { dataTransfer, bubbles: true, cancelable: true }));
        }""",
        [name, kind, base64.b64encode(content).decode()],
    )


def titles(page):
    return page.locator('.card .title').all_text_contents()


def test_a_dropped_photo_finds_its_garment(page, tmp_path):
    seed = 18
    file = tmp_path / 'photo.jpg'
    snapshot(seed, 'mild', size=500).save(file)
    drop(page, 'photo.jpg', 'image/jpeg', file.read_bytes())
    page.wait_for_selector('.card')
    assert design(seed).title in titles(page)[:3]
    assert re.fullmatch(r'24 garments, most alike first, in \d+ ms', page.text_content('#told'))
    first = page.locator('.card').first
    assert re.search(r'€\d+\.95', first.text_content())
    assert re.search(r'\d+ % alike', first.text_content())
    page.wait_for_function(
        "[...document.querySelectorAll('.card img')].slice(0, 4).every((i) => i.naturalWidth)"
    )


def test_a_photo_can_be_chosen_with_the_keyboard(page, tmp_path):
    file = tmp_path / 'photo.png'
    snapshot(3, 'mild').save(file)
    page.bring_to_front()
    with page.expect_file_chooser() as chooser:
        page.locator('#drop').press('Enter')
    chooser.value.set_files(file)
    page.wait_for_selector('.card')


def test_examples_wishes_and_more_like_this(page):
    page.locator('#strip button').first.click()
    page.wait_for_selector('.card')
    everything = titles(page)
    category = page.locator('.chips label').nth(1)
    word = category.text_content()
    category.click()
    page.wait_for_function(
        f"[...document.querySelectorAll('.title')].every((t) => t.textContent.includes('{word}'))"
    )
    page.fill('[name=price_to]', '1')
    page.wait_for_function("!document.querySelector('.card')")
    assert 'Nothing is like that' in page.text_content('#told')
    page.click('button[type=reset]')
    page.wait_for_function(f"document.querySelectorAll('.card').length === {len(everything)}")
    assert titles(page) == everything
    page.locator('.card').nth(2).click()
    page.wait_for_function(f"document.querySelector('.card .title').textContent === {everything[2]!r}")
    assert page.locator('.card .score').first.text_content() == '100 % alike'


def test_what_is_no_picture_is_told(page):
    drop(page, 'notes.txt', 'text/plain', b'hello')
    page.wait_for_selector('#told.bad')
    assert 'no picture' in page.text_content('#told')
    drop(page, 'broken.jpg', 'image/jpeg', b'this is no JPEG')
    page.wait_for_function(
        "document.getElementById('told').textContent.includes('cannot be read as a picture')"
    )


def test_light_and_dark(page):
    def background():
        return page.evaluate('getComputedStyle(document.body).backgroundColor')

    before = background()
    page.click('#theme')
    assert background() != before
    page.reload()
    assert background() != before


def test_it_fits_a_phone(page):
    page.set_viewport_size({'width': 360, 'height': 740})
    page.locator('#strip button').first.click()
    page.wait_for_selector('.card')
    assert page.evaluate('document.documentElement.scrollWidth') <= 360
