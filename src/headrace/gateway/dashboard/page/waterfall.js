// Where the time of one request went, as a table whose middle column is a picture.

import { make, scroll } from './dom.js';
import { seconds } from './numbers.js';

const KINDS = [['way', 'on the way'], ['queue', 'waiting'], ['batch', 'gathering a batch'], ['handler', 'handler'], ['gateway', 'gateway'], ['unknown', 'failed, not divided']];

/** The parts of a stage in the order in which they are drawn: [kind, seconds]. */
export function partsOf(stage) {
  if (!stage.is_timed) return [['unknown', stage.took_s]];
  const batch = Math.min(stage.batch_s, stage.queue_s), waited = Math.min(stage.queue_s, stage.took_s);
  const way = Math.max(0, stage.took_s - waited - stage.handler_s);
  return [['way', way / 2], ['queue', waited - batch], ['batch', batch], ['handler', stage.handler_s], ['way', way / 2]];
}

/** Seconds of the request in which it was at no executor. */
export function ownTime(request) {
  const spans = request.stages.map((stage) => [stage.begun_s, stage.begun_s + stage.took_s]).sort((a, b) => a[0] - b[0]);
  let covered = 0, until = 0;
  for (const [from, to] of spans) { covered += Math.max(0, to - Math.max(from, until)); until = Math.max(until, to); }
  return Math.max(0, request.took_s - covered);
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

/** A thin picture of the whole request: what all its stages took, one behind the other. */
export function strip(request) {
  const parts = [['gateway', ownTime(request)], ...request.stages.flatMap(partsOf)];
  const sums = KINDS.map(([kind]) => [kind, parts.filter(([each]) => each === kind).reduce((sum, [, took]) => sum + took, 0)]);
  const box = track(sums, 0, Math.max(request.took_s, sums.reduce((sum, [, took]) => sum + took, 0)) || 1);
  box.classList.add('strip');
  box.setAttribute('aria-hidden', 'true');
  return box;
}

/** The table of a request and the key to its colours. */
export function waterfall(request) {
  const all = Math.max(request.took_s, ...request.stages.map((stage) => stage.begun_s + stage.took_s)) || 1;
  const own = ownTime(request);
  const first = request.stages.length ? Math.min(...request.stages.map((stage) => stage.begun_s)) : request.took_s;
  const row = (name, detail, bar, figures, error) => make('tr', {},
    make('th', { scope: 'row' }, name, detail ? make('span', { class: 'soft' }, detail) : ''),
    make('td', { class: 'picture' }, bar, error ? make('span', { class: 'bad' }, error) : ''),
    ...figures.map((figure) => make('td', { class: 'number' }, figure)));
  const head = row('gateway', 'reads, routes, writes', track([['gateway', Math.min(first, own)], ['none', 0]], 0, all), ['', '', '', '', seconds(own)]);
  const rows = request.stages.map((stage) => row(stage.executor, about(stage), track(partsOf(stage), stage.begun_s, all), figuresOf(stage), stage.error));
  const titles = ['Stage', 'When', 'Waiting', 'Batch', 'Handler', 'Way', 'Took'];
  const used = new Set(['gateway', ...request.stages.flatMap(partsOf).filter(([, took]) => took > 0).map(([kind]) => kind)]);
  const key = make('ul', { class: 'key' }, ...KINDS.filter(([kind]) => used.has(kind)).map(([kind, name]) => make('li', {}, make('i', { class: kind }), name)));
  const table = make('table', { class: 'fall' }, make('caption', { class: 'visually-hidden' }, `Stages of ${request.id}, ${seconds(request.took_s)} in all`),
    make('thead', {}, make('tr', {}, ...titles.map((title, index) => make('th', { scope: 'col', class: index > 1 ? 'number' : null }, title)))),
    make('tbody', {}, head, ...rows));
  return make('div', {}, scroll(`Stages of request ${request.id}`, table), key);
}

function about(stage) {
  const words = [];
  if (stage.replica) words.push(stage.replica.startsWith(`${stage.executor}/`) ? stage.replica.slice(stage.executor.length + 1) : stage.replica === stage.executor ? '' : stage.replica);
  if (stage.attempts > 1) words.push(`attempt ${stage.attempts}`);
  if (stage.documents > 1) words.push(`${stage.documents} documents in the call`);
  return words.filter(Boolean).join(', ');
}

function figuresOf(stage) {
  if (!stage.is_timed) return ['', '', '', '', seconds(stage.took_s)];
  const way = Math.max(0, stage.took_s - stage.queue_s - stage.handler_s);
  return [Math.max(0, stage.queue_s - stage.batch_s), stage.batch_s, stage.handler_s, way, stage.took_s].map((part) => (part > 0 ? seconds(part) : '–'));
}
