// Where the time of one request went, as a table whose middle column is a picture.

import { make, scroll } from './dom.js';
import { seconds } from './numbers.js';

const KINDS = [['way', 'on the way'], ['batch', 'gathering a batch'], ['queue', 'queue'], ['handler', 'handler'], ['gateway', 'gateway'], ['unknown', 'failed, not divided']];

/** The stages of a visit to an executor in the order in which they are drawn: [kind, seconds]. */
function stagesOf(hop) {
  if (!hop.is_timed) return [['unknown', hop.took_s]];
  return [['way', hop.way_s / 2], ['batch', hop.batch_s], ['queue', hop.queue_s], ['handler', hop.handler_s], ['way', hop.way_s / 2]];
}

function track(parts, begun, all) {
  const box = make('div', { class: 'track' });
  let at = begun;
  for (const [kind, took] of parts) {
    if (took > 0) {
      const part = make('i', { class: kind, title: `${KINDS.find(([name]) => name === kind)[1]}: ${seconds(took)}` });
      part.style.left = `${(100 * at) / all}%`;
      part.style.width = `max(1px, ${(100 * took) / all}%)`;
      box.append(part);
    }
    at += took;
  }
  return box;
}

/** A thin picture of the whole request: what all its visits took, one behind the other. */
export function strip(request) {
  const parts = [['gateway', request.gateway_s], ...request.hops.flatMap(stagesOf)];
  const sums = KINDS.map(([kind]) => [kind, parts.filter(([each]) => each === kind).reduce((sum, [, took]) => sum + took, 0)]);
  const box = track(sums, 0, Math.max(request.took_s, sums.reduce((sum, [, took]) => sum + took, 0)) || 1);
  box.classList.add('strip');
  box.setAttribute('aria-hidden', 'true');
  return box;
}

/** The table of a request and the key to its colours. */
export function waterfall(request) {
  const all = Math.max(request.took_s, ...request.hops.map((hop) => hop.begun_s + hop.took_s)) || 1;
  const own = request.gateway_s;
  const first = request.hops.length ? Math.min(...request.hops.map((hop) => hop.begun_s)) : request.took_s;
  const row = (name, detail, bar, figures, error) => make('tr', {},
    make('th', { scope: 'row' }, name, detail ? make('span', { class: 'soft' }, detail) : ''),
    make('td', { class: 'picture' }, bar, error ? make('span', { class: 'bad' }, error) : ''),
    ...figures.map((figure) => make('td', { class: 'number' }, figure)));
  const head = row('gateway', 'reads, routes, writes', track([['gateway', Math.min(first, own)], ['none', 0]], 0, all), ['', '', '', '', seconds(own)]);
  const rows = request.hops.map((hop) => row(hop.executor, about(hop), track(stagesOf(hop), hop.begun_s, all), figuresOf(hop), hop.error));
  const titles = ['Where', 'When', 'Batch', 'Queue', 'Handler', 'Way', 'Took'];
  const used = new Set(['gateway', ...request.hops.flatMap(stagesOf).filter(([, took]) => took > 0).map(([kind]) => kind)]);
  const key = make('ul', { class: 'key' }, ...KINDS.filter(([kind]) => used.has(kind)).map(([kind, name]) => make('li', {}, make('i', { class: kind }), name)));
  const table = make('table', { class: 'fall' }, make('caption', { class: 'visually-hidden' }, `Stages of ${request.id}, ${seconds(request.took_s)} in all`),
    make('thead', {}, make('tr', {}, ...titles.map((title, index) => make('th', { scope: 'col', class: index > 1 ? 'number' : null }, title)))),
    make('tbody', {}, head, ...rows));
  return make('div', {}, scroll(`Stages of request ${request.id}`, table), key);
}

function about(hop) {
  const words = [];
  if (hop.replica) words.push(hop.replica.startsWith(`${hop.executor}/`) ? hop.replica.slice(hop.executor.length + 1) : hop.replica === hop.executor ? '' : hop.replica);
  if (hop.attempts > 1) words.push(`attempt ${hop.attempts}`);
  if (hop.documents > 1) words.push(`${hop.documents} documents in the call`);
  return words.filter(Boolean).join(', ');
}

function figuresOf(hop) {
  if (!hop.is_timed) return ['', '', '', '', seconds(hop.took_s)];
  return [hop.batch_s, hop.queue_s, hop.handler_s, hop.way_s, hop.took_s].map((part) => (part > 0 ? seconds(part) : '–'));
}
