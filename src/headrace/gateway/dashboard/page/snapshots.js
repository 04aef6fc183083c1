// States of the Flow as they come in; out, what happened in the last seconds, and curves of the last minutes.

import { quantile, since } from './numbers.js';

const WINDOW_S = 10;
export const CURVE_S = 600;

const nothing = { requests: 0, failed: 0, refused: 0, took: { bounds: [], counts: [], sum: 0 } };

export class Snapshots {
  constructor() {
    this.states = [];
    this.curves = new Map(); // name of an executor, or '' for the Flow: points { at, rate, errors, p50, p99 }
  }

  get now() { return this.states[this.states.length - 1]; }

  /** Take a state in. */
  add(state) {
    const last = this.now;
    if (last && state.uptime_s < last.uptime_s && state.requests < last.requests) this.states = []; // the Flow began anew
    if (state.history) this.#learn(state.history);
    this.states.push(state);
    while (this.states.length > 2 && state.at - this.states[1].at >= WINDOW_S) this.states.shift();
    if (last && this.states.length > 1) this.#note('', this.#between(last, state), state.at, state.at - last.at);
    for (const executor of last ? state.executors : []) {
      this.#note(executor.name, this.#between(find(last, executor.name), executor), state.at, state.at - last.at);
    }
  }

  /** What happened lately to the Flow (no name), or what `of` picks from a state. */
  lately(of = (state) => state) {
    const now = of(this.now) ?? nothing;
    const first = this.states.length > 1 ? this.states[0] : null;
    const span = first ? this.now.at - first.at : 0;
    const change = this.#between(first ? of(first) : null, now);
    if (!span) return { rate: null, errors: null, refused: null, p50: null, p99: null, took: now.took, change: null };
    return {
      rate: change.requests / span, errors: change.failed / span, refused: (change.refused ?? 0) / span,
      p50: quantile(change.took, 0.5), p99: quantile(change.took, 0.99), took: change.took, change,
    };
  }

  /** How one histogram grew lately. */
  grown(of) {
    const first = this.states.length > 1 ? of(this.states[0]) : null;
    return since(of(this.now) ?? nothing.took, first);
  }

  curve(name = '') { return this.curves.get(name) ?? []; }

  #between(before, now) {
    const old = before && before.requests <= now.requests ? before : nothing;
    return {
      requests: now.requests - old.requests, failed: Math.max(0, now.failed - old.failed),
      refused: Math.max(0, (now.refused ?? 0) - (old.refused ?? 0)), took: since(now.took, old.took),
    };
  }

  #note(name, change, at, span) {
    if (span <= 0) return;
    const curve = this.curve(name);
    curve.push({ at, rate: change.requests / span, errors: change.failed / span, p50: quantile(change.took, 0.5), p99: quantile(change.took, 0.99) });
    while (curve.length && curve[0].at < at - CURVE_S) curve.shift();
    this.curves.set(name, curve);
  }

  /** Points that the gateway has kept, before the first one of our own. */
  #learn(history) {
    for (const [name, points] of [['', history.flow], ...Object.entries(history.executors)]) {
      const own = this.curve(name);
      const first = own[0]?.at ?? Infinity;
      const read = points.map(([at, rate, errors, p50, p99]) => ({ at, rate, errors, p50: p50 < 0 ? null : p50, p99: p99 < 0 ? null : p99 }));
      this.curves.set(name, [...read.filter((point) => point.at < first), ...own]);
    }
  }
}

export const find = (state, name) => state?.executors.find((executor) => executor.name === name);
