// An answer of the Flow in, what people see of it out: pictures, text, the rest as a tree.

import { make } from './dom.js';

const PICTURES = [['iVBORw0KGgo', 'image/png'], ['/9j/', 'image/jpeg'], ['R0lGOD', 'image/gif'], ['UklGR', 'image/webp'], ['Qk', 'image/bmp']];
const LEAST = 60;
const LARGEST_SIDE = 4096;
const MOST_DOCUMENTS = 50, MOST_TEXT = 200000, MOST_INSIDE = 12;

/** Documents as cards, and the whole answer as JSON behind them. */
export function answerOf(body) {
  const documents = Array.isArray(body?.data) ? body.data : [];
  const cards = documents.slice(0, MOST_DOCUMENTS).map((each, index) => card(each, index, 0));
  const text = JSON.stringify(body, shorten, 2) ?? '';
  const parameters = Object.keys(body?.parameters ?? {}).length > 0 && make('section', { class: 'document' }, make('h4', {}, 'Parameters'), value(body.parameters, 0));
  return [
    ...cards, documents.length > MOST_DOCUMENTS && make('p', { class: 'soft' }, `and ${documents.length - MOST_DOCUMENTS} more`), parameters,
    make('details', {}, make('summary', {}, 'The answer as JSON'), make('pre', { tabindex: '0', 'aria-label': 'The answer as JSON' }, text.slice(0, MOST_TEXT))),
  ].filter(Boolean);
}

const shorten = (key, value) => (typeof value === 'string' && value.length > 400 ? `${value.slice(0, 200)}… (${value.length} characters)` : value);

function card(document, index, depth) {
  const rows = Object.entries(document ?? {}).filter(([, each]) => !isEmpty(each)).map(([name, each]) => make('div', {}, make('dt', {}, name), make('dd', {}, value(each, depth))));
  return make('section', { class: 'document' }, make(depth ? 'h5' : 'h4', {}, `${depth ? '' : 'Document '}${index + 1}`), make('dl', {}, ...rows));
}

const isEmpty = (each) => each == null || each === '' || (typeof each === 'object' && !Object.keys(each).length);

/** A value of a field: a picture if it is one. */
function value(each, depth) {
  if (typeof each === 'string') return pictureOf(each) ?? make('span', { class: 'text' }, each.length > 2000 ? `${each.slice(0, 2000)}…` : each);
  if (each !== null && typeof each === 'object') {
    if (typeof each.dtype === 'string' && Array.isArray(each.shape)) return array(each);
    if (Array.isArray(each) && each.length && each.every((one) => one && typeof one === 'object' && !Array.isArray(one)) && depth < 3) {
      const some = each.slice(0, MOST_INSIDE).map((one, index) => card(one, index, depth + 1));
      return make('div', { class: 'inside' }, ...some, each.length > MOST_INSIDE && make('p', { class: 'soft' }, `and ${each.length - MOST_INSIDE} more`));
    }
    const text = JSON.stringify(each, shorten);
    return make('code', {}, text.length > 2000 ? `${text.slice(0, 2000)}…` : text);
  }
  return make('code', {}, String(each));
}

function pictureOf(text) {
  if (/^data:image\/(png|jpeg|gif|webp|bmp);base64,/.test(text)) return picture(text);
  const found = text.length > LEAST && PICTURES.find(([begin]) => text.startsWith(begin));
  return found && /^[A-Za-z0-9+/]+={0,2}$/.test(text.slice(0, 4096)) ? picture(`data:${found[1]};base64,${text}`) : null;
}

function picture(source) {
  const image = make('img', { src: source, alt: 'picture in the answer', loading: 'lazy' });
  image.addEventListener('error', () => image.replaceWith(make('span', { class: 'soft' }, 'bytes that are no picture')));
  return image;
}

/** An array: pixels as a picture, others by type and shape. */
function array({ dtype, shape, data }) {
  const words = `${dtype}[${shape.join(' × ')}]`;
  const [height, width, depth = 1] = shape;
  const isPicture = dtype === 'uint8' && (shape.length === 3 ? [1, 3, 4].includes(depth) : shape.length === 2) && height > 3 && width > 3 && Math.max(height, width) <= LARGEST_SIDE;
  if (!isPicture) return make('code', {}, words);
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const canvas = make('canvas', { width, height, role: 'img', 'aria-label': `picture in the answer, ${width} by ${height}` });
  const pixels = new ImageData(width, height);
  for (let index = 0; index < width * height; index++) {
    for (let colour = 0; colour < 4; colour++) {
      pixels.data[4 * index + colour] = colour === 3 && depth < 4 ? 255 : bytes[depth * index + (depth < 3 ? 0 : colour)];
    }
  }
  canvas.getContext('2d').putImageData(pixels, 0, 0);
  return make('span', {}, canvas, make('code', {}, words));
}
