// The Flow as it runs: a box for each executor with its figures and replicas, ways that show how much flows.

import { draw, say } from './dom.js';
import { percent, rate, seconds, short } from './numbers.js';
import { find } from './snapshots.js';

const MARGIN = 14;
const MOST_DOTS = 12, MOST_ROWS = 4;
const NARROW_PX = 640;
const SMALLEST = 0.72;
const AROUND = ['before', 'after'];
export const GATEWAY = 'gateway';
export const WORDS = { healthy: 'healthy', suspect: 'suspect', draining: 'draining', lost: 'lost', starting: 'starting', 'given up': 'given up' };

/** How a replica is, in one word; what is given up says why behind it. */
export const stateOf = (replica) => (Object.hasOwn(WORDS, replica.state) ? replica.state : 'given up');

/** The drawing in `place`; `choose` is told the key of a box. `show` puts figures in, `mark` says which is chosen. */
export function graph(place, plan, choose) {
  let boxes, ways, picture, isTall, chosen = '';
  let latest = null;

  function build() {
    isTall = place.clientWidth < NARROW_PX;
    const drawing = isTall ? plan.tall : plan.wide;
    const width = drawing.width + 2 * MARGIN, height = drawing.height + 2 * MARGIN;
    ways = drawing.ways.map((way) => wayOf(way, isTall));
    boxes = drawing.boxes.map((box) => boxOf(box, choose));
    picture = draw('svg', { viewBox: `${-MARGIN} ${-MARGIN} ${width} ${height}`, role: 'group', 'aria-label': `Graph of ${plan.title || plan.name}` },
      draw('g', { 'aria-hidden': 'true' }, ...ways.flatMap((way) => way.elements)), ...boxes.map((box) => box.element));
    picture.style.width = `${width}px`;
    picture.style.minWidth = `${Math.min(width, width * SMALLEST)}px`;
    place.replaceChildren(picture);
    mark(chosen);
  }

  function mark(key) {
    chosen = key;
    for (const box of boxes) if (box.isButton) box.element.setAttribute('aria-pressed', String(box.key === key));
  }

  function show(snapshots) {
    latest = snapshots;
    for (const box of boxes) box.show(snapshots);
    for (const way of ways) way.show(snapshots);
  }

  build();
  new ResizeObserver(() => {
    if (isTall === place.clientWidth < NARROW_PX) return;
    build();
    if (latest) show(latest);
  }).observe(place);
  return { show, mark };
}

function wayOf(way, isTall) {
  const path = curve(way.points, isTall);
  const kind = way.is_floating ? 'way floating' : 'way';
  const bed = draw('path', { class: kind, d: path }), stream = draw('path', { class: 'stream', d: path });
  const [x, y] = way.points[way.points.length - 1];
  const tip = draw('path', { class: 'tip', d: isTall ? `M${x} ${y}l-5 -9h10z` : `M${x} ${y}l-9 -5v10z` });
  const show = (snapshots) => {
    const flows = lately(snapshots, find(snapshots.now, way.target) ? way.target : GATEWAY).rate ?? 0;
    const strength = flows > 0 ? Math.min(5, 1 + Math.floor(Math.log10(1 + flows) * 1.5)) : 0;
    stream.setAttribute('class', `stream s${strength}`);
    bed.setAttribute('class', `${kind} s${strength}`);
  };
  return { elements: [bed, stream, tip], show };
}

/** It bends from one point to the next, then is straight, then bends. */
function curve(points, isTall) {
  let path = `M${points[0].join(' ')}`;
  for (let index = 1; index < points.length; index++) {
    const [x, y] = points[index], [fromX, fromY] = points[index - 1];
    if (index % 2 === 0) path += `L${x} ${y}`;
    else if (isTall) path += `C${fromX} ${(fromY + y) / 2} ${x} ${(fromY + y) / 2} ${x} ${y}`;
    else path += `C${(fromX + x) / 2} ${fromY} ${(fromX + x) / 2} ${y} ${x} ${y}`;
  }
  return path;
}

const lately = (snapshots, key) => (key === GATEWAY ? snapshots.lately() : snapshots.lately((state) => find(state, key)));

function boxOf(box, choose) {
  const isButton = box.shape !== 'join' && box.title !== 'reply';
  const element = draw('g', {
    class: `box ${box.shape}`, transform: `translate(${box.x} ${box.y})`, 'data-key': box.key,
    ...(isButton ? { role: 'button', tabindex: '0', 'aria-pressed': 'false', 'aria-controls': 'details' } : { role: 'img' }),
  });
  const round = box.shape === 'executor' || box.shape === 'external' ? 12 : Math.min(box.height / 2, 26);
  const card = draw('rect', { class: 'card', width: box.width, height: box.height, rx: round });
  element.append(card);
  if (box.entry) element.append(draw('text', { class: 'entry', x: -10, y: box.height / 2 - 10 }, box.entry.slice(0, 38)));
  if (isButton) {
    element.addEventListener('click', () => choose(box.key));
    element.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); choose(box.key); }
    });
  }
  const show = box.shape === 'executor' || box.shape === 'external' ? executorIn(element, box) : doorIn(element, box);
  return { key: box.key, isButton, element, show };
}

function doorIn(element, box) {
  const middle = box.width / 2;
  const title = draw('text', { class: 'title middle', x: middle, y: box.shape === 'join' ? box.height / 2 + 5 : 28 }, cut(box.title, 16));
  const first = draw('text', { class: 'line middle', x: middle, y: 47 }), second = draw('text', { class: 'line middle', x: middle, y: 63 });
  element.append(title, first, second);
  return (snapshots) => {
    const now = snapshots.lately(), state = snapshots.now;
    const isDoor = box.key === GATEWAY, isReply = box.title === 'reply';
    if (isDoor) { say(first, rate(now.rate)); say(second, `${short(state.in_flight)} in flight`); }
    if (isReply) { say(first, `p50 ${seconds(now.p50)}`); say(second, `p99 ${seconds(now.p99)}`); }
    element.setAttribute('aria-label', isDoor ? `gateway: ${rate(now.rate)}, ${state.in_flight} in flight`
      : isReply ? `reply: p50 ${seconds(now.p50)}, p99 ${seconds(now.p99)}` : `${box.title}: joins what its executors give`);
  };
}

function executorIn(element, box) {
  const edge = box.width - 14;
  const title = draw('text', { class: 'title', x: 14, y: 26 }, cut(box.title, 20));
  const sign = draw('path', { class: 'sign' });
  const flow = draw('text', { class: 'flow', x: 14, y: 53 });
  const p50 = draw('text', { class: 'line end', x: edge, y: 45 }), p99 = draw('text', { class: 'line end', x: edge, y: 60 });
  const work = draw('text', { class: 'line', x: 14, y: 77 });
  const badge = draw('g', { class: 'badge', hidden: true, transform: `translate(${box.width - 88} -10)` }, draw('rect', { width: 78, height: 19, rx: 9.5 }), draw('text', { class: 'middle', x: 39, y: 13.5 }));
  const dots = draw('g', { transform: 'translate(14 88)' });
  element.append(draw('title', {}, box.title), title, sign, flow, p50, p99, work, dots, badge);
  return (snapshots) => {
    const executor = find(snapshots.now, box.key);
    if (!executor) return;
    const now = lately(snapshots, box.key);
    say(flow, rate(now.rate));
    say(p50, `p50 ${seconds(now.p50)}`);
    say(p99, `p99 ${seconds(now.p99)}`);
    say(work, `${short(executor.waiting)} waiting · ${short(executor.in_flight)} in flight`);
    const failing = now.rate ? now.errors / now.rate : 0;
    say(badge.lastChild, `${percent(failing)} fail`);
    badge.toggleAttribute('hidden', !(now.errors > 0));
    element.dataset.state = executor.state;
    sign.setAttribute('d', SIGNS[executor.state]);
    sign.setAttribute('transform', `translate(${edge - 12} 14)`);
    showReplicas(dots, executor, box.width - 28);
    element.setAttribute('aria-label', `${box.title}: ${executor.state}, ${rate(now.rate)}, p99 ${seconds(now.p99)}, ${now.errors > 0 ? `${percent(failing)} fail, ` : ''}${executor.waiting} waiting, ${replicasInWords(executor.replicas)}`);
  };
}

const SIGNS = {
  healthy: 'M1 6.5l3.6 3.6L11 3',
  degraded: 'M6 1v6.5M6 10.4v.6',
  down: 'M1.5 1.5l9 9M10.5 1.5l-9 9',
};

/** One row of marks for each shard, or version: full is healthy, half suspect or draining, hollow is lost. */
function showReplicas(place, { replicas, versions }, width) {
  const rowOf = versions.length ? rowOfVersion : rowOfPart;
  const rows = [...Map.groupBy ? Map.groupBy(replicas, rowOf) : grouped(replicas, rowOf)];
  const text = JSON.stringify(replicas.map((each) => [each.name, each.state]));
  if (place.dataset.shown === text) return;
  place.dataset.shown = text;
  place.replaceChildren(...rows.slice(0, MOST_ROWS).flatMap(([row, members], index) => {
    const y = index * 16;
    const marks = members.slice(0, MOST_DOTS).map((replica, at) => {
      const word = stateOf(replica);
      return draw('rect', { class: `dot ${word.replace(' ', '-')}`, x: at * 14, y, width: 10, height: 10, rx: 3 }, draw('title', {}, `${replica.name}: ${word}`));
    });
    const well = members.filter((each) => each.state === 'healthy').length;
    const name = rows.length > 1 ? `${row} ` : '';
    return [...marks, draw('text', { class: 'count end', x: width, y: y + 9 }, `${name}${well}/${members.length}`)];
  }));
}

const rowOfPart = (replica) => (replica.part ? replica.part : `shard ${replica.shard}`);
const rowOfVersion = (replica) => (replica.part && !AROUND.includes(replica.part) ? replica.part.split('/')[0] : 'main');

function grouped(replicas, rowOf) {
  const rows = new Map();
  for (const each of replicas) rows.set(rowOf(each), [...(rows.get(rowOf(each)) ?? []), each]);
  return rows;
}

/** How many replicas are well, and which are not. */
export function replicasInWords(replicas) {
  if (!replicas.length) return 'runs elsewhere';
  const ill = replicas.filter((each) => each.state !== 'healthy');
  const count = `${replicas.length - ill.length} of ${replicas.length} replica${replicas.length === 1 ? '' : 's'} healthy`;
  return ill.length ? `${count}, ${ill.map((each) => `${each.name} ${stateOf(each)}`).join(', ')}` : count;
}

const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
