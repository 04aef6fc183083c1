// Elements out of names, attributes and children. Text is never read as markup.

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter((child) => child != null && child !== '' && child !== false));
  return element;
}

export const make = (name, attributes = {}, ...children) => fill(document.createElement(name), attributes, children);
export const draw = (name, attributes = {}, ...children) => fill(document.createElementNS(SVG, name), attributes, children);
export const byId = (id) => document.getElementById(id);

/** Set the text of an element, only if it changes: screen readers and selections stay where they are. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A table: titles are strings, or [string, class]; rows are lists of cells, each a string or an element. */
export function table(titles, rows, caption = '') {
  const named = titles.map((title) => (Array.isArray(title) ? title : [title, '']));
  const cell = (content, index) => {
    const kind = named[index][1];
    const name = index === 0 ? 'th' : 'td';
    return make(name, { class: kind || null, scope: index === 0 ? 'row' : null }, content);
  };
  return make('table', {},
    caption && make('caption', { class: 'visually-hidden' }, caption),
    make('thead', {}, make('tr', {}, ...named.map(([title, kind]) => make('th', { scope: 'col', class: kind || null }, title)))),
    make('tbody', {}, ...rows.map((cells) => make('tr', {}, ...cells.map(cell)))));
}

/** A box that scrolls sideways where its content is wider than the page; the keyboard reaches it. */
export const scroll = (label, ...content) => make('div', { class: 'scroll', role: 'region', 'aria-label': label, tabindex: '0' }, ...content);

/** Tell people who do not look at the picture. */
export function announce(text) { say(byId('news'), text); }
