// What the page does: a photo in, matches out, again whenever a wish changes.

import { encoded, examples, search, status } from './flow.js';

const part = (id) => document.getElementById(id);
const money = new Intl.NumberFormat(undefined, { style: 'currency', currency: 'EUR' });
const LIMIT = 24;

let query = null; // what is being looked for: { blob } or { uri }
let turn = 0; // counts searches, so that a late answer never replaces a newer one

// Matches

async function look() {
  if (!query) return;
  const mine = ++turn;
  part('grid').classList.add('busy');
  const began = performance.now();
  try {
    const matches = await search(query, wishes());
    if (mine === turn) show(matches, performance.now() - began);
  } catch (error) {
    if (mine === turn) tell(error.message, true);
  } finally {
    if (mine === turn) part('grid').classList.remove('busy');
  }
}

function wishes() {
  const form = new FormData(part('filters'));
  const wished = { limit: LIMIT, category: form.getAll('category') };
  for (const end of ['price_from', 'price_to']) {
    if (form.get(end) !== '') wished[end] = Number(form.get(end));
  }
  return wished;
}

function show(matches, took) {
  part('empty').hidden = true;
  part('grid').replaceChildren(...matches.map(card));
  if (matches.length) tell(`<b>${matches.length} garments</b>, most alike first, in ${Math.round(took)} ms`);
  else tell('Nothing is like that and also fits your wishes. Try fewer of them.');
}

function card(match, place) {
  const item = part('card').content.firstElementChild.cloneNode(true);
  const score = Math.max(0, match.score ?? 0);
  item.style.setProperty('--place', place);
  item.style.setProperty('--score', score);
  const picture = item.querySelector('img');
  picture.src = source(match);
  picture.alt = match.title;
  item.querySelector('.title').textContent = match.title;
  item.querySelector('.price').textContent = match.price == null ? '' : money.format(match.price);
  item.querySelector('.score').textContent = `${Math.round(score * 100)} % alike`;
  item.querySelector('button').title = `${match.title}: look for more like this`;
  item.querySelector('button').addEventListener('click', () => {
    scrollTo({ top: 0, behavior: 'smooth' });
    choose({ uri: match.uri }, source(match));
  });
  return item;
}

const source = (match) => `pictures/${match.uri.split('/').map(encodeURIComponent).join('/')}`;

function tell(words, bad = false) {
  const told = part('told');
  told.classList.toggle('bad', bad);
  if (bad) told.textContent = words;
  else told.innerHTML = words; // our own words and numbers only
}

// The photo

function choose(what, url, pressed = null) {
  const photo = part('photo');
  if (photo.src.startsWith('blob:') && photo.src !== url) URL.revokeObjectURL(photo.src);
  photo.src = url;
  photo.hidden = false;
  part('drop').classList.add('filled');
  for (const button of part('strip').children) button.setAttribute('aria-pressed', button === pressed);
  query = what;
  look();
  if (matchMedia('(max-width: 800px)').matches) part('told').scrollIntoView({ behavior: 'smooth' });
}

async function take(file, pressed = null) {
  if (!file?.type.startsWith('image/')) return tell('That is no picture. A JPEG, PNG or WebP will do.', true);
  choose({ blob: await encoded(file) }, URL.createObjectURL(file), pressed);
}

const drop = part('drop');
part('file').addEventListener('change', (event) => { take(event.target.files[0]); event.target.value = ''; });
drop.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); part('file').click(); }
});
document.addEventListener('paste', (event) => {
  const file = [...event.clipboardData.files].find(({ type }) => type.startsWith('image/'));
  if (file) take(file);
});
for (const kind of ['dragover', 'dragleave', 'drop']) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.toggle('over', kind === 'dragover');
    if (kind === 'drop' && event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
  });
}

// Wishes

part('filters').addEventListener('input', look);
part('filters').addEventListener('reset', () => setTimeout(look));
part('filters').addEventListener('submit', (event) => event.preventDefault());

function chip(category) {
  const label = document.createElement('label');
  const box = Object.assign(document.createElement('input'), { type: 'checkbox', name: 'category', value: category });
  const words = Object.assign(document.createElement('span'), { textContent: category });
  label.append(box, words);
  return label;
}

// Light and dark

function paint(theme) {
  document.documentElement.dataset.theme = theme;
}
const preferred = matchMedia('(prefers-color-scheme: dark)');
paint(localStorage.getItem('theme') ?? (preferred.matches ? 'dark' : 'light'));
preferred.addEventListener('change', ({ matches }) => {
  if (!localStorage.getItem('theme')) paint(matches ? 'dark' : 'light');
});
part('theme').addEventListener('click', () => {
  const theme = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
  localStorage.setItem('theme', theme);
  paint(theme);
});

// The beginning

async function showExamples() {
  const photos = await examples();
  part('examples').hidden = !photos.length;
  part('strip').replaceChildren(...photos.map(({ file, title }) => {
    const button = Object.assign(document.createElement('button'), { type: 'button', title });
    const picture = Object.assign(new Image(), { src: `examples/${file}`, alt: title });
    button.append(picture);
    button.addEventListener('click', async () => take(await (await fetch(picture.src)).blob(), button));
    return button;
  }));
}

async function showStock() {
  const { garments, categories } = await status();
  part('stock').textContent = `${garments.toLocaleString()} garments`;
  part('categories').replaceChildren(...Object.keys(categories).filter(Boolean).sort().map(chip));
}

for (const start of [showExamples, showStock]) start().catch((error) => tell(error.message, true));
