// Counts and histograms in; rates, quantiles and words for people out.

/** Seconds in a few characters: 850 µs, 4.1 ms, 1.25 s, 3 min. */
export function seconds(value) {
  if (value == null || value < 0 || Number.isNaN(value)) return '–';
  if (value === 0) return '0 ms';
  if (value < 0.001) return `${Math.max(1, Math.round(value * 1e6))} µs`;
  if (value < 0.01) return `${(value * 1000).toFixed(1)} ms`;
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 120) return `${value.toFixed(value < 10 ? 2 : 1)} s`;
  return `${Math.round(value / 60)} min`;
}

/** A number in a few characters: 0.25, 4.1, 128, 12.3k, 4.5M. */
export function short(value) {
  if (value == null || Number.isNaN(value)) return '–';
  for (const [size, letter] of [[1e9, 'G'], [1e6, 'M'], [1e4, 'k']]) {
    if (value >= size) { const part = value / (letter === 'k' ? 1e3 : size); return `${part.toFixed(part < 100 ? 1 : 0)}${letter}`; }
  }
  if (value >= 100 || Number.isInteger(value)) return String(Math.round(value));
  return value < 0.01 ? '<0.01' : value.toFixed(value < 1 ? 2 : 1);
}

export const whole = (value) => new Intl.NumberFormat('en').format(value);
export const percent = (part) => (part > 0 && part < 0.001 ? '<0.1 %' : `${(part * 100).toFixed(part < 0.1 ? 1 : 0)} %`);
export const rate = (value) => (value == null ? '–' : `${short(value)}/s`);

export function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

/** How long something has been up: 3 h 12 min. */
export function span(value) {
  const days = Math.floor(value / 86400), hours = Math.floor(value / 3600) % 24, minutes = Math.floor(value / 60) % 60;
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  if (minutes) return `${minutes} min ${Math.floor(value) % 60} s`;
  return `${Math.floor(value)} s`;
}

/** The time of day, with milliseconds. */
export function clock(at) {
  const date = new Date(at * 1000);
  return `${date.toLocaleTimeString('en-GB')}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

export const total = (distribution) => (distribution?.counts ?? []).reduce((sum, count) => sum + count, 0);
export const mean = (distribution) => { const count = total(distribution); return count ? distribution.sum / count : null; };

/** What was measured between two readings; all of it if there is no earlier one, or counting began anew. */
export function since(now, before) {
  if (!before?.counts?.length || before.counts.length !== now.counts.length) return now;
  const counts = now.counts.map((count, index) => count - before.counts[index]);
  return counts.some((count) => count < 0) ? now : { bounds: now.bounds, counts, sum: now.sum - before.sum };
}

/** A quantile of a histogram, straight within a bucket; null of nothing. */
export function quantile(distribution, part) {
  const { bounds = [], counts = [] } = distribution ?? {};
  const all = total(distribution);
  if (!all) return null;
  let rank = part * all;
  for (let index = 0; index < counts.length; index++) {
    if (counts[index] && rank <= counts[index]) {
      const low = index ? bounds[index - 1] : 0;
      const high = index < bounds.length ? bounds[index] : low;
      return low + (high - low) * (rank / counts[index]);
    }
    rank -= counts[index];
  }
  return bounds[bounds.length - 1];
}
