// The lists of requests: the slowest, those that failed, those that were refused; each opens to its stages.

import { byId, make, say } from './dom.js';
import { clock, seconds, size, whole } from './numbers.js';
import { strip, waterfall } from './waterfall.js';

const SORTS = { slow: 'Slowest', failed: 'Failed', refused: 'Refused' };
const ABOUT = {
  slow: (told) => `The slowest of the last ${Math.round(told.over_s / 120)} to ${Math.round(told.over_s / 60)} minutes, whatever became of them.`,
  failed: () => 'The last that ended with an error of the Flow: a status of 500 and more.',
  refused: () => 'The last that a gateway refused: for what they are, for who sent them, or for want of room.',
};
const NONE = { slow: 'No request has come yet.', failed: 'None has failed.', refused: 'None was refused.' };

/** The view; `show` puts in what the gateway tells. */
export function requests() {
  const place = byId('requests'), buttons = new Map();
  const open = new Set();
  let sort = 'slow', told = null, shown = '';

  for (const [name, title] of Object.entries(SORTS)) {
    const button = make('button', { type: 'button', 'aria-pressed': 'false', onclick: () => { sort = name; render(); } }, title);
    buttons.set(name, button);
    byId('sorts').append(button);
  }

  function render() {
    for (const [name, button] of buttons) {
      button.setAttribute('aria-pressed', String(name === sort));
      say(button, `${SORTS[name]}${told ? ` (${told[name].length})` : ''}`);
    }
    if (!told) return;
    say(byId('requests-about'), ABOUT[sort](told));
    const list = told[sort];
    const now = JSON.stringify([sort, list.map((each) => [each.id, each.at])]);
    if (now === shown) return; // the same as before: nothing that is open or focused is touched
    const focused = document.activeElement?.dataset?.request;
    shown = now;
    place.replaceChildren(list.length ? make('ol', { class: 'requests' }, ...list.map(row)) : make('p', { class: 'empty' }, NONE[sort]));
    if (focused) place.querySelector(`[data-request="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }

  function row(request) {
    const id = `${request.id}-${request.at}`;
    const more = make('div', { class: 'more', id: `more-${id}`, hidden: true });
    const toggle = (isOpen) => {
      if (isOpen) { open.add(id); more.replaceChildren(...inside(request)); } else open.delete(id);
      more.hidden = !isOpen;
      button.setAttribute('aria-expanded', String(isOpen));
    };
    const button = make('button', {
      type: 'button', class: 'row', 'aria-expanded': 'false', 'aria-controls': `more-${id}`, 'data-request': id, onclick: () => toggle(!open.has(id)),
    },
    make('span', { class: 'took' }, seconds(request.took_s)),
    make('span', { class: 'endpoint' }, request.endpoint || 'a page'),
    make('span', { class: `status ${kindOf(request.status)}` }, String(request.status)),
    strip(request),
    make('span', { class: 'when' }, clock(request.at)),
    make('span', { class: 'why' }, request.error));
    if (open.has(id)) toggle(true);
    return make('li', {}, button, more);
  }

  return { show: (answer) => { told = answer; render(); }, choose: (name) => { if (SORTS[name]) { sort = name; render(); } } };
}

export const kindOf = (status) => (status >= 500 ? 'bad' : status >= 400 ? 'warn' : 'good');

/** What stands in an open row. */
export function inside(request) {
  const facts = [
    ['Request', make('span', {}, make('code', {}, request.id), ' ', make('a', { href: `#logs?request=${encodeURIComponent(request.id)}` }, 'its log lines'))],
    ['Came', new Date(request.at * 1000).toLocaleString('en-GB')],
    ['Protocol', request.protocol], ['Documents', whole(request.documents)],
    ['Received', size(request.received_bytes)], ['Sent', size(request.sent_bytes)],
    ['Client', request.client], ['Trace', request.trace && make('code', {}, request.trace.split('-')[1] ?? request.trace)],
  ].filter(([, value]) => value);
  return [
    request.error && make('p', { class: 'error' }, request.error),
    request.hops.length ? waterfall(request) : make('p', { class: 'soft' }, 'It did not come as far as an executor.'),
    make('dl', { class: 'facts-list' }, ...facts.map(([name, value]) => make('div', {}, make('dt', {}, name), make('dd', {}, value)))),
  ].filter(Boolean);
}
