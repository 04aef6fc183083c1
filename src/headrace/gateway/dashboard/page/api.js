// What the gateway tells, and the key by which it knows who asks.

const base = new URL('./', import.meta.url);
const PATIENCE_MS = 10000;
const NAME = 'headrace-key';
let key = '';
try { key = sessionStorage.getItem(NAME) ?? ''; } catch { /* kept in this page alone */ }

/** Where the gateway's other addresses begin. */
export const root = new URL(document.documentElement.dataset.root, document.baseURI);

/** An answer that is none: `status` is 0 if there was no answer at all. */
export class Refused extends Error {
  constructor(status, message) { super(message); this.status = status; }
}

/** Use this key from now on, in this tab; '' forgets it. */
export function useKey(given) {
  key = given;
  try { if (given) sessionStorage.setItem(NAME, given); else sessionStorage.removeItem(NAME); } catch { /* as above */ }
}

export const hasKey = () => key !== '';

/** The headers that show who asks. */
export const shown = () => (key ? { Authorization: `Bearer ${key}` } : {});

/** What one of the dashboard's addresses tells; Refused if it does not. */
export const get = (name, query = {}) => read(new URL(name, base), query);

/** The description of the endpoints. */
export const openapi = () => read(new URL('openapi.json', root), {});

async function read(url, query) {
  for (const [name, value] of Object.entries(query)) if (value !== '' && value != null) url.searchParams.set(name, value);
  let response;
  try {
    response = await fetch(url, { headers: shown(), cache: 'no-store', signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch (error) {
    throw new Refused(0, error.name === 'TimeoutError' ? 'the gateway does not answer' : 'the gateway cannot be reached');
  }
  if (!response.ok) throw new Refused(response.status, await reason(response));
  return response.json();
}

async function reason(response) {
  try { const problem = await response.json(); return problem.detail || problem.title; } catch { return response.statusText; }
}
