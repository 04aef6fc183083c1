// The row of figures at the top: how the whole Flow is, each with its curve.

import { make, say } from './dom.js';
import { percent, rate, seconds, short, whole } from './numbers.js';
import { spark } from './spark.js';

const CARDS = [
  { name: 'Requests', keys: ['rate'], figure: (now) => rate(now.rate), note: (state) => `${whole(state.requests)} in all` },
  { name: 'Latency', keys: ['p99', 'p50'], figure: (now) => seconds(now.p99), unit: 'p99', note: (state, now) => `p50 ${seconds(now.p50)}` },
  {
    name: 'Errors', keys: ['errors'], kind: 'faults', figure: (now) => rate(now.errors),
    note: (state, now) => `${now.rate ? percent(now.errors / now.rate) : '0 %'} of requests · ${whole(state.failed)} in all`,
    warns: (now) => now.errors > 0,
  },
  {
    name: 'In flight', figure: (now, state) => short(state.in_flight),
    note: (state) => `${whole(state.doors.reduce((sum, door) => sum + door.connections, 0))} connections · ${whole(state.executors.reduce((sum, each) => sum + each.waiting, 0))} waiting · ${whole(state.refused)} refused`,
  },
];

/** The cards; `show` puts new figures in. */
export function cards(place) {
  const made = CARDS.map((card) => {
    const curve = card.keys ? spark(card.name, card.keys) : null;
    const figure = make('strong', {}), note = make('p', { class: 'soft' });
    const element = make('section', { class: `card ${card.kind ?? ''}`, 'aria-label': card.name },
      make('h3', {}, card.name), make('p', { class: 'figure' }, figure, card.unit ? make('span', { class: 'unit' }, card.unit) : ''), note, curve?.picture);
    return { card, curve, figure, note, element };
  });
  place.replaceChildren(...made.map((each) => each.element));
  return (snapshots) => {
    const now = snapshots.lately(), state = snapshots.now;
    for (const { card, curve, figure, note, element } of made) {
      say(figure, card.figure(now, state));
      say(note, card.note(state, now));
      element.classList.toggle('warns', Boolean(card.warns?.(now)));
      curve?.show(snapshots.curve());
    }
  };
}
