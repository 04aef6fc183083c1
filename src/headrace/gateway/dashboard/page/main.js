// The page: asks the gateway for what the chosen view shows, as long as somebody looks.

import { Refused, get, hasKey, openapi, useKey } from './api.js';
import { cards } from './cards.js';
import { details, showTable } from './details.js';
import { announce, byId, make, say } from './dom.js';
import { GATEWAY, graph } from './graph.js';
import { logs } from './logs.js';
import { span } from './numbers.js';
import { requests } from './requests.js';
import { Description } from './schema.js';
import { Snapshots } from './snapshots.js';
import { tryForm } from './tryit.js';

const EVERY_MS = { flow: 2000, requests: 2500, logs: 2500, try: 10000, key: 0 };
const VIEWS = ['flow', 'requests', 'logs', 'try'];
const THEMES = ['auto', 'light', 'dark'];

const snapshots = new Snapshots();
let view = '', chosen = GATEWAY, isPaused = false, timer = 0, plan = null, parts = null, hasTry = false, round = 0;

// --- what is shown

function show(name) {
  view = name;
  for (const each of [...VIEWS, 'key']) byId(`view-${each}`).hidden = each !== name;
  for (const link of document.querySelectorAll('nav a')) {
    if (link.hash === `#${name}`) link.setAttribute('aria-current', 'page'); else link.removeAttribute('aria-current');
  }
}

/** The view that the address names; an address that names none (the skip link) changes nothing. */
function route(isFirst = false) {
  const [name, query] = location.hash.slice(1).split('?');
  if (!plan || (!VIEWS.includes(name) && !isFirst)) return;
  show(VIEWS.includes(name) ? name : 'flow');
  if (view === 'logs' && query !== undefined) parts.logs.of(new URLSearchParams(query).get('request') ?? '');
  document.title = `${{ flow: '', requests: 'Requests · ', logs: 'Logs · ', try: 'Try it · ' }[view]}${plan.title || plan.name} · Dashboard`;
  look(true);
}

function choose(key) {
  chosen = key === chosen ? '' : key;
  parts.graph.mark(chosen);
  if (snapshots.now) parts.details(chosen, snapshots);
}

function close() {
  const key = chosen;
  choose('');
  document.querySelector(`.box[data-key="${CSS.escape(key)}"]`)?.focus();
}

function head(state) {
  say(byId('title'), state.title || state.name);
  const down = state.executors.filter((each) => each.state === 'down').length, ill = state.executors.some((each) => each.state === 'degraded');
  const health = state.status !== 'ready' || down ? ['bad', state.status === 'ready' ? 'not ready' : state.status] : ill ? ['warn', 'degraded'] : ['good', 'healthy'];
  const pill = byId('health');
  pill.hidden = false;
  pill.className = `pill ${health[0]}`;
  say(pill, health[1]);
  say(byId('facts'), `up ${span(state.uptime_s)} · Headrace ${state.headrace}`);
  announceChange(state, health[1]);
}

let told = null;

/** Say what has changed to those who do not look: the Flow's health, and replicas that come and go. */
function announceChange(state, health) {
  const now = new Map(state.executors.flatMap((each) => each.replicas.map((replica) => [replica.name, replica.state])));
  if (told) {
    const changes = [...now].filter(([name, each]) => told.replicas.has(name) && told.replicas.get(name) !== each).map(([name, each]) => `${name} is ${each}`);
    if (told.health !== health) changes.push(`the Flow is ${health}`);
    if (changes.length) announce(changes.slice(0, 5).join('; '));
  }
  told = { replicas: now, health };
}

function showProblems(state) {
  const list = Object.entries(state.problems).map(([name, why]) => make('p', { class: 'trouble' }, make('strong', {}, name), ` ${why}`));
  const place = byId('problems');
  const text = JSON.stringify(state.problems);
  if (place.dataset.shown === text) return;
  place.dataset.shown = text;
  place.replaceChildren(...list);
}

// --- asking

const LOOK = {
  flow: async () => {
    snapshots.add(await get('state', snapshots.now ? {} : { history: '1' }));
    const state = snapshots.now;
    head(state);
    showProblems(state);
    parts.cards(snapshots);
    parts.graph.show(snapshots);
    parts.details(chosen, snapshots);
    showTable(snapshots);
  },
  requests: async () => { parts.requests.show(await get('requests')); },
  logs: async () => { parts.logs.show(await get('logs', parts.logs.query())); },
  try: async () => {
    if (!hasTry) { hasTry = true; tryForm(byId('try'), new Description(await openapi())); }
  },
};

/** Look now, then again and again, as long as the page is seen and not paused. */
async function look(isFirst = false) {
  clearTimeout(timer);
  if (!LOOK[view] || (!isFirst && (isPaused || document.hidden))) return;
  const mine = ++round;
  try {
    await LOOK[view]();
    if (view !== 'flow' && mine === round) head(await get('state'));
    trouble('');
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (view === 'try') hasTry = false;
    if (error.status === 401 || error.status === 403) { askForKey(error); return; }
    trouble(`No news since then: ${error.message}.`);
  } finally {
    if (mine === round && EVERY_MS[view]) timer = setTimeout(look, EVERY_MS[view]);
  }
}

function trouble(text) {
  const place = byId('trouble');
  place.hidden = !text;
  if (place.textContent !== text && text) announce(text);
  say(place, text);
}

function askForKey(error) {
  plan = null;
  show('key');
  say(byId('key-why'), hasKey() ? `${error.message[0].toUpperCase()}${error.message.slice(1)}.` : 'This Flow shows its figures to those who may see them.');
  byId('key').value = '';
  byId('key').focus();
}

async function begin() {
  try {
    plan = await get('flow');
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.status === 401 || error.status === 403) { askForKey(error); return; }
    trouble(`${error.message}; trying again.`);
    setTimeout(begin, EVERY_MS.flow);
    return;
  }
  trouble('');
  for (const link of document.querySelectorAll('nav a[href="#try"]')) link.hidden = !plan.tries;
  show('flow'); // the drawing wants to know how wide it is
  parts ??= { requests: requests(), logs: logs(() => look(true)) };
  parts.cards = cards(byId('cards'));
  parts.graph = graph(byId('graph'), plan, choose);
  parts.details = details(byId('details'), close);
  parts.graph.mark(chosen);
  route(true);
}

// --- what people press

function themes() {
  const button = byId('theme');
  const now = () => document.documentElement.dataset.theme ?? 'auto';
  const name = () => say(button, `Theme: ${now()}`);
  button.addEventListener('click', () => {
    const next = THEMES[(THEMES.indexOf(now()) + 1) % THEMES.length];
    if (next === 'auto') delete document.documentElement.dataset.theme; else document.documentElement.dataset.theme = next;
    try { if (next === 'auto') localStorage.removeItem('headrace-theme'); else localStorage.setItem('headrace-theme', next); } catch { /* kept for this page alone */ }
    name();
  });
  name();
}

byId('pause').addEventListener('click', () => {
  isPaused = !isPaused;
  byId('pause').setAttribute('aria-pressed', String(isPaused));
  look();
});
byId('key-form').addEventListener('submit', (event) => {
  event.preventDefault();
  useKey(byId('key').value.trim());
  begin();
});
document.addEventListener('visibilitychange', () => { if (!document.hidden) look(); });
window.addEventListener('hashchange', () => route());
themes();
begin();
