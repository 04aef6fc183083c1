// The last log lines of all processes, by process, level, request and text.

import { byId, make, say } from './dom.js';

const FIELDS = { process: 'logs-process', level: 'logs-level', request: 'logs-request' };
const NEAR_PX = 40;

/** The view; `ask` is called when something else is wanted, `query` says what, `show` puts lines in. */
export function logs(ask) {
  const place = byId('logs'), text = byId('logs-text');
  let lines = [], known = '', shown = '';
  byId('logs-form').addEventListener('submit', (event) => event.preventDefault());
  for (const id of Object.values(FIELDS)) byId(id).addEventListener('input', ask);
  text.addEventListener('input', render);

  function render() {
    const wanted = text.value.toLowerCase();
    const some = wanted ? lines.filter((line) => `${line.message} ${line.error ?? ''}`.toLowerCase().includes(wanted)) : lines;
    const now = JSON.stringify([wanted, some.length, some[0]?.time, some[some.length - 1]]);
    if (now === shown) return;
    shown = now;
    const isAtEnd = place.scrollHeight - place.scrollTop - place.clientHeight < NEAR_PX;
    place.replaceChildren(some.length ? make('ol', {}, ...some.map(row)) : make('p', { class: 'empty' }, 'No such line.'));
    if (isAtEnd) place.scrollTop = place.scrollHeight;
    say(byId('logs-about'), `${some.length} line${some.length === 1 ? '' : 's'}, the newest at the end.`);
  }

  function row(line) {
    const ids = line.request_ids?.length ? line.request_ids : line.request_id ? [line.request_id] : [];
    const time = new Date(line.time);
    return make('li', { class: `level-${line.level.toLowerCase()}` },
      make('time', { datetime: line.time }, Number.isNaN(time.valueOf()) ? line.time : `${time.toLocaleTimeString('en-GB')}.${line.time.slice(20, 23)}`),
      make('span', { class: 'level' }, line.level),
      make('span', { class: 'process' }, line.process || line.executor || ''),
      make('span', { class: 'message' }, line.message, ids.length ? make('span', { class: 'ids' }, ...ids.slice(0, 3).map(link)) : '',
        line.error ? make('details', {}, make('summary', {}, 'Traceback'), make('pre', { tabindex: '0' }, line.error)) : ''));
  }

  const link = (id) => make('a', { href: `#logs?request=${encodeURIComponent(id)}`, 'aria-label': `Lines of request ${id}` }, id.slice(0, 12));

  return {
    /** What to ask the gateway for. */
    query: () => ({ process: byId(FIELDS.process).value, level: byId(FIELDS.level).value, request: byId(FIELDS.request).value.trim(), limit: 500 }),
    /** Begin with the lines of one request. */
    of: (request) => { byId(FIELDS.request).value = request; text.value = ''; },
    show: (answer) => {
      lines = answer.lines;
      const names = JSON.stringify(answer.processes);
      if (names !== known) {
        known = names;
        const select = byId(FIELDS.process), chosen = select.value;
        select.replaceChildren(make('option', { value: '' }, 'all'), ...answer.processes.map((name) => make('option', {}, name)));
        select.value = answer.processes.includes(chosen) ? chosen : '';
      }
      render();
    },
  };
}
