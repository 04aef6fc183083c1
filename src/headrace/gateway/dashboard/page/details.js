// What there is to know of the box that was chosen: endpoints, replicas, batches; of the gateway, its doors.

import { byId, make, scroll, table } from './dom.js';
import { GATEWAY, stateOf } from './graph.js';
import { mean, percent, quantile, rate, seconds, short, total, whole } from './numbers.js';
import { find } from './snapshots.js';
import { spark } from './spark.js';

const NUMBER = 'number';
const SIGN = { healthy: 'healthy', degraded: 'suspect', down: 'lost' };

/** The panel; `show` fills it for a box, `close` is called by its button. */
export function details(place, close) {
  let shown = '', curve, body;

  function build(key) {
    shown = key;
    curve = [spark(`Requests of ${key}`, ['rate']), spark(`Latency of ${key}`, ['p99', 'p50'])];
    body = make('div', {});
    const head = make('div', { class: 'bar' }, make('h3', { id: 'details-title' }, key),
      make('button', { type: 'button', class: 'quiet', onclick: close, 'aria-label': `Close the details of ${key}` }, 'Close'));
    const curves = make('div', { class: 'curves' },
      make('figure', {}, make('figcaption', {}, 'Requests'), curve[0].picture), make('figure', {}, make('figcaption', {}, 'Latency p99, p50'), curve[1].picture));
    place.replaceChildren(head, curves, body);
  }

  return (key, snapshots) => {
    place.hidden = !key;
    if (!key) { shown = ''; return; }
    if (key !== shown) build(key);
    for (const each of curve) each.show(snapshots.curve(key === GATEWAY ? '' : key));
    const executor = find(snapshots.now, key);
    const parts = key === GATEWAY ? ofGateway(snapshots) : executor ? ofExecutor(executor, snapshots) : [];
    keepingScroll(body, parts);
  };
}

/** Tables are made anew; who has scrolled one, or stands in it, stays there. */
function keepingScroll(body, parts) {
  const before = [...body.querySelectorAll('.scroll')];
  const at = before.map((each) => each.scrollLeft), held = before.indexOf(document.activeElement);
  body.replaceChildren(...parts);
  body.querySelectorAll('.scroll').forEach((each, index) => {
    each.scrollLeft = at[index] ?? 0;
    if (index === held) each.focus({ preventScroll: true });
  });
}

function ofGateway(snapshots) {
  const { doors, endpoints } = snapshots.now;
  const doorRows = doors.map((door) => {
    const now = snapshots.lately((state) => counted(state.doors.find((each) => each.protocol === door.protocol)));
    return [door.protocol, rate(now.rate), whole(door.requests), whole(door.refused), whole(door.failed), whole(door.in_flight), whole(door.connections)];
  });
  const endpointRows = endpoints.map((endpoint) => {
    const now = snapshots.lately((state) => state.endpoints.find((each) => each.name === endpoint.name));
    return [endpoint.name, rate(now.rate), seconds(now.p50), seconds(now.p99), whole(endpoint.requests), whole(endpoint.refused), whole(endpoint.failed)];
  });
  return [
    titled('Doors', table(['Protocol', ...numbers('Now', 'Requests', 'Refused', 'Failed', 'In flight', 'Connections')], doorRows)),
    titled('Endpoints', table(['Endpoint', ...numbers('Now', 'p50', 'p99', 'Requests', 'Refused', 'Failed')], endpointRows)),
  ];
}

const counted = (door) => door && { ...door, took: { bounds: [], counts: [], sum: 0 } };
const numbers = (...titles) => titles.map((title) => [title, NUMBER]);
const titled = (title, content) => make('section', {}, make('h4', {}, title), scroll(title, content));

function ofExecutor(executor, snapshots) {
  const facts = [
    ['Took, p99', seconds(snapshots.lately((state) => find(state, executor.name)).p99)],
    ['Waiting at the gateway', whole(executor.waiting)], ['In flight', whole(executor.in_flight)],
    ['Failed', whole(executor.failed)], ['Retries', whole(executor.retries)], ['Restarts', whole(executor.restarts)],
  ];
  const list = make('dl', { class: 'figures' }, ...facts.map(([name, value]) => make('div', {}, make('dt', {}, name), make('dd', {}, value))));
  return [list, ...versionsOf(executor, snapshots), endpointsOf(executor, snapshots), replicasOf(executor, snapshots), ...batchesOf(executor)];
}

/** The versions of an executor that has several: what each should get, what it got lately, and how it does. */
function versionsOf(executor, snapshots) {
  if (!executor.versions.length) return [];
  const weights = executor.versions.reduce((sum, version) => sum + version.weight, 0);
  const all = snapshots.lately((state) => find(state, executor.name)).rate;
  const rows = executor.versions.map((version) => {
    const now = snapshots.lately((state) => find(state, executor.name)?.versions.find((each) => each.name === version.name));
    return [version.name, make('span', { class: `state ${SIGN[version.state]}` }, version.state), weights ? percent(version.weight / weights) : '–', all ? percent(now.rate / all) : '–',
      rate(now.rate), seconds(now.p50), seconds(now.p99), whole(version.requests), whole(version.failed), whole(version.waiting), whole(version.in_flight)];
  });
  return [titled('Versions', table(['Version', 'State', ...numbers('Weight', 'Share now', 'Now', 'p50', 'p99', 'Requests', 'Failed', 'Waiting', 'In flight')], rows))];
}

function endpointsOf(executor, snapshots) {
  const rows = executor.endpoints.map((work) => {
    const of = (state) => find(state, executor.name)?.endpoints.find((each) => each.name === work.name);
    const handler = snapshots.grown((state) => of(state)?.handler), queue = snapshots.grown((state) => of(state)?.queue);
    return [work.name, whole(work.requests), whole(work.documents), seconds(quantile(handler, 0.5)), seconds(quantile(handler, 0.99)),
      seconds(quantile(queue, 0.99)), short(mean(work.batch) ?? (work.requests ? work.documents / work.requests : null)), whole(work.failed)];
  });
  return titled('Endpoints', table(['Endpoint', ...numbers('Requests', 'Documents', 'Handler p50', 'p99', 'Queue p99', 'Documents per call', 'Failed')], rows));
}

function replicasOf(executor, snapshots) {
  const rows = executor.replicas.map((replica) => {
    const of = (state) => find(state, executor.name)?.replicas.find((each) => each.name === replica.name)?.work;
    const now = snapshots.lately((state) => { const work = of(state); return work && { ...work, took: work.handler }; });
    const word = stateOf(replica);
    const why = word === 'given up' ? make('span', { class: 'soft' }, ` ${replica.state.replace(/^given up:? ?/, '')}`) : '';
    return [replica.name, make('span', {}, make('span', { class: `state ${word.replace(' ', '-')}` }, word), why), whole(replica.in_flight),
      replica.work ? rate(now.rate) : '–', seconds(now.p99), replica.work ? whole(replica.work.requests) : '–', replica.work ? whole(replica.work.failed) : '–', whole(replica.restarts)];
  });
  return rows.length ? titled('Replicas', table(['Replica', 'State', ...numbers('In flight', 'Now', 'Handler p99', 'Requests', 'Failed', 'Restarts')], rows)) : make('p', { class: 'soft' }, 'It runs elsewhere: its replicas are not known here.');
}

/** How many documents calls had, where requests share them. */
function batchesOf(executor) {
  return executor.endpoints.filter((work) => total(work.batch)).map((work) => {
    const { bounds, counts } = work.batch, all = total(work.batch);
    const last = counts.findLastIndex((count) => count > 0), first = counts.findIndex((count) => count > 0);
    const rows = counts.slice(first, last + 1).map((count, offset) => {
      const index = first + offset, low = index ? bounds[index - 1] + 1 : 1, high = bounds[index];
      const name = high === undefined ? `over ${bounds[index - 1]}` : low >= high ? `${high}` : `${low} to ${high}`;
      const bar = make('div', { class: 'share' });
      bar.style.width = `${(100 * count) / Math.max(...counts)}%`;
      return [name, make('div', { class: 'shares' }, bar), percent(count / all), whole(count)];
    });
    const about = make('p', { class: 'soft' }, `${short(mean(work.batch))} documents per call on average; gathering one took ${seconds(quantile(work.gathered, 0.5))} (p50).`);
    const made = table(['Documents', 'Calls', ...numbers('Part', 'Number')], rows);
    made.classList.add('bars');
    return make('section', {}, make('h4', {}, `Batches of ${work.name}`), about, scroll(`Batches of ${work.name}`, made));
  });
}

/** All executors, for who does not see the graph. */
export function showTable(snapshots) {
  const rows = snapshots.now.executors.map((executor) => {
    const now = snapshots.lately((state) => find(state, executor.name));
    const well = executor.replicas.filter((each) => each.state === 'healthy').length;
    return [executor.name, executor.state, rate(now.rate), seconds(now.p50), seconds(now.p99), rate(now.errors), whole(executor.waiting), whole(executor.in_flight),
      executor.replicas.length ? `${well} of ${executor.replicas.length}` : 'elsewhere'];
  });
  const made = table(['Executor', 'State', ...numbers('Now', 'p50', 'p99', 'Errors', 'Waiting', 'In flight', 'Replicas')], rows, 'Executors');
  byId('executors').replaceChildren(...made.childNodes);
}
