// A curve of the last minutes as a small picture; the table behind it is the figure beside it.

import { draw } from './dom.js';
import { CURVE_S } from './snapshots.js';

const WIDTH = 220, HEIGHT = 44;
const LEAST_S = 60;

/** A picture with lines for `keys`, the first one filled; `label` is what it shows. */
export function spark(label, keys) {
  const lines = keys.map((key, index) => draw('path', { class: `line line-${index}` }));
  const area = draw('path', { class: 'area' });
  const picture = draw('svg', { class: 'spark', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': `${label}, the last minutes` }, area, ...lines);
  return { picture, show: (points) => show(points, keys, lines, area) };
}

function show(points, keys, lines, area) {
  const to = points[points.length - 1]?.at ?? 0;
  const span = Math.min(CURVE_S, Math.max(LEAST_S, to - (points[0]?.at ?? to)));
  const from = to - span;
  const top = Math.max(1e-9, ...points.flatMap((point) => keys.map((key) => point[key] ?? 0)));
  const x = (point) => ((point.at - from) / span) * (WIDTH - 2);
  const y = (value) => HEIGHT - 3 - (value / top) * (HEIGHT - 8);
  keys.forEach((key, index) => {
    const parts = unbroken(points, key);
    const paths = parts.map((part) => part.map((point, place) => `${place ? 'L' : 'M'}${x(point).toFixed(1)} ${y(point[key]).toFixed(1)}`).join(''));
    lines[index].setAttribute('d', paths.join(''));
    if (index) return;
    const filled = parts.map((part, place) => `${paths[place]}L${x(part[part.length - 1]).toFixed(1)} ${HEIGHT}L${x(part[0]).toFixed(1)} ${HEIGHT}Z`);
    area.setAttribute('d', filled.join(''));
  });
}

/** The points in pieces that have a value everywhere: of a time without requests no latency is known. */
function unbroken(points, key) {
  const parts = [];
  let part = null;
  for (const point of points) {
    if (point[key] == null) part = null;
    else if (part) part.push(point);
    else parts.push((part = [point]));
  }
  return parts;
}
