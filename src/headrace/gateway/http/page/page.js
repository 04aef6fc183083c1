'use strict';
// Reads the OpenAPI description that lies beside this page and shows it, with a form to try each route.

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const LONGEST_SHOWN = 200000;
let spec;
let key = '';  // as long as this page is open, and nowhere else

/** An element with attributes and children; text is never read as markup. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.filter((child) => child != null && child !== ''));
  return element;
}

/** What a schema or response refers to, or itself. */
function resolve(node) {
  for (let hops = 0; node && node.$ref && hops < 20; hops++) {
    node = node.$ref.slice(2).split('/').reduce((at, key) => at?.[key.replace(/~1/g, '/').replace(/~0/g, '~')], spec);
  }
  return node || {};
}

const nameOf = (schema) => (schema?.$ref ? schema.$ref.split('/').pop() : schema?.title || '');
const choices = (schema) => (schema.anyOf || schema.oneOf || []).filter((each) => resolve(each).type !== 'null');

/** A schema in a few words, such as "list of Item" or "number[512]". */
function typeOf(given, depth = 0) {
  const schema = resolve(given);
  if (given?.$ref) return nameOf(given);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const several = choices(schema);
  if (several.length) return depth > 3 ? '…' : several.map((each) => typeOf(each, depth + 1)).join(' or ');
  if (schema.type === 'array') {
    const inner = depth > 3 ? '…' : typeOf(schema.items, depth + 1);
    return schema.minItems && schema.minItems === schema.maxItems ? `${inner}[${schema.minItems}]` : `list of ${inner}`;
  }
  const type = Array.isArray(schema.type) ? schema.type.filter((each) => each !== 'null').join(' or ') : schema.type;
  return schema.format ? `${type} (${schema.format})` : type || 'anything';
}

/** A value that fits a schema, small enough to edit; undefined where leaving it out is better. */
function sample(given, must = true, depth = 0) {
  const schema = resolve(given);
  if (depth > 6) return undefined;
  if (schema.examples?.length) return schema.examples[0];
  if (schema.enum) return schema.enum[0];
  if (schema.const !== undefined) return schema.const;
  if (must === false && schema.default !== undefined && schema.default !== null && typeof schema.default !== 'object') {
    return schema.default;
  }
  const several = choices(schema);
  if (several.length) return sample(several[0], must, depth + 1);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === 'object' || schema.properties) return sampleObject(schema, depth);
  if (type === 'array') {
    const size = schema.minItems || 0;
    if (size > 8 && !must) return undefined;
    const item = sample(schema.items || {}, true, depth + 1);
    return size ? Array(size).fill(item ?? 0) : depth === 0 && item !== undefined ? [item] : [];
  }
  if (type === 'string') return schema.format || schema.contentEncoding ? undefined : 'hello';
  if (type === 'integer' || type === 'number') return schema.minimum ?? 0;
  if (type === 'boolean') return false;
  return undefined;
}

function sampleObject(schema, depth) {
  const made = {};
  const required = new Set(schema.required || []);
  const simple = (each) => ['string', 'integer', 'number', 'boolean'].includes(resolve(each).type);
  let shown = 0;
  for (const [name, each] of Object.entries(schema.properties || {})) {
    const must = required.has(name);
    if (!must && (name === 'id' || !simple(each) || shown >= 3 || depth > 2)) continue;
    const value = sample(each, must, depth + 1);
    if (value !== undefined) { made[name] = value; shown++; }
  }
  return made;
}

function sampleBody(schema) {
  const body = {};
  const properties = resolve(schema).properties || {};
  if (properties.execEndpoint) body.execEndpoint = Object.keys(spec.paths).find((path) => flowPath(path)) || '/';
  if (properties.data) {
    const documents = choices(resolve(properties.data)).find((each) => resolve(each).type === 'array');
    const one = sample(documents?.items || {}, true, 0);
    body.data = one && Object.keys(one).length ? [one] : [{}];
  }
  if (properties.parameters) body.parameters = sample(properties.parameters, true, 1) || {};
  return body;
}

const flowPath = (path) => Object.values(spec.paths[path]).some((each) => each['x-headrace-endpoint'] === path);

/** The fields of a schema as a table; those of the documents inside follow below it. */
function fields(given, seen = new Set()) {
  const schema = resolve(given);
  if (!schema.properties) return [];
  const rows = [];
  const further = [];
  for (const [name, each] of Object.entries(schema.properties)) {
    const must = (schema.required || []).includes(name);
    const about = each.description || (each.$ref ? '' : resolve(each).description) || '';
    rows.push(make('tr', {},
      make('td', {}, name, must ? make('span', { class: 'must', title: 'required' }, ' *') : ''),
      make('td', { class: 'type' }, typeOf(each)),
      make('td', {}, about)));
    for (const inner of inside(each)) if (!seen.has(inner.$ref)) { seen.add(inner.$ref); further.push(inner); }
  }
  const table = make('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': `Fields of ${nameOf(given) || 'the body'}` },
    make('table', {},
      make('thead', {}, make('tr', {}, ...['Field', 'Type', 'Meaning'].map((text) => make('th', { scope: 'col' }, text)))),
      make('tbody', {}, ...rows)));
  return [table, ...further.flatMap((inner) => [make('h4', {}, nameOf(inner)), ...fields(inner, seen)])];
}

/** The named schemas that a schema mentions. */
function inside(schema) {
  if (!schema || typeof schema !== 'object') return [];
  if (schema.$ref) return resolve(schema).properties ? [schema] : [];
  const nested = [...(schema.anyOf || []), ...(schema.oneOf || []), schema.items, schema.additionalProperties];
  const found = nested.flatMap((each) => inside(each));
  return found.filter((each, index) => found.findIndex((other) => other.$ref === each.$ref) === index);
}

const urlOf = (path, query = '') => new URL(`.${path}${query ? `?${query}` : ''}`, document.baseURI);

/** What a query may say, as somebody would write it; '' if it says nothing. */
function sampleQuery(method, operation) {
  if (method !== 'get') return '';
  const named = (operation.parameters || []).filter((each) => each.in === 'query' && each.name !== 'arrays');
  const told = named.filter((each) => !['data', 'parameters'].includes(each.name)).slice(0, 2);
  return told.map((each) => `${each.name}=${encodeURIComponent(sample(each.schema, false) ?? '')}`).join('&');
}

/** The media type to ask for, where it is not JSON. */
function accepted(operation) {
  const types = Object.keys(resolve(operation.responses?.['200'])?.content || {});
  return operation['x-headrace-parts'] && types.length ? { Accept: types[0] } : {};
}

function curl(method, path, query, body, headers) {
  const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
  const parts = ['curl'];
  if (method !== 'get') parts.push(`-X ${method.toUpperCase()}`);
  parts.push(quote(urlOf(path, query).href));
  for (const [name, value] of Object.entries(headers)) parts.push(`\\\n  -H ${quote(`${name}: ${value}`)}`);
  if (body) parts.push(`\\\n  -d ${quote(body)}`);
  return parts.join(' ');
}

function tryForm(method, path, operation) {
  const id = operation.operationId;
  const schema = operation.requestBody?.content?.['application/json']?.schema;
  const body = schema && make('textarea', { id: `${id}-body`, spellcheck: 'false', rows: '9' });
  if (body) body.value = JSON.stringify(sampleBody(schema), null, 2);
  const asked = sampleQuery(method, operation);
  const query = asked && make('input', { id: `${id}-query`, spellcheck: 'false', value: asked, size: '40' });
  const timeout = schema && make('input', { id: `${id}-timeout`, type: 'number', min: '0', step: 'any', placeholder: 'default' });
  const result = make('div', { role: 'status', 'aria-live': 'polite' });
  const send = make('button', { type: 'submit' }, 'Send');
  const headers = () => ({
    ...shownKey(),
    ...accepted(operation),
    ...(body ? { 'Content-Type': 'application/json' } : {}),
    ...(timeout?.value ? { 'X-Headrace-Timeout-S': timeout.value } : {}),
  });
  const copy = make('button', { type: 'button', class: 'quiet', onclick: async () => {
    await navigator.clipboard.writeText(curl(method, path, query?.value, body?.value, headers()));
    copy.textContent = 'Copied';
    setTimeout(() => { copy.textContent = 'Copy as curl'; }, 1500);
  } }, 'Copy as curl');
  const submit = async (event) => {
    event.preventDefault();
    send.disabled = true;
    result.replaceChildren(make('p', {}, 'Waiting for the answer…'));
    try {
      result.replaceChildren(...await answer(method, path, query?.value, body?.value, headers()));
    } catch (error) {
      result.replaceChildren(make('p', { class: 'error' }, `No answer: ${error.message}`));
    }
    send.disabled = false;
  };
  return make('form', { onsubmit: submit },
    make('h3', {}, 'Try it'),
    body && make('label', { for: `${id}-body`, class: 'visually-hidden' }, 'Body of the request as JSON'), body,
    query && make('div', { class: 'row' }, make('label', { for: `${id}-query` }, 'Query'), query),
    make('div', { class: 'row' }, send, navigator.clipboard ? copy : null,
      timeout && make('label', { for: `${id}-timeout` }, 'Timeout in seconds'), timeout),
    result);
}

async function answer(method, path, query, body, headers) {
  const begun = performance.now();
  const response = await fetch(urlOf(path, query), { method: method.toUpperCase(), headers, body });
  const text = await response.text();
  const took = performance.now() - begun;
  let shown = text;
  try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: shown as it is */ }
  if (shown.length > LONGEST_SHOWN) shown = `${shown.slice(0, LONGEST_SHOWN)}\n… ${shown.length - LONGEST_SHOWN} more characters`;
  return [
    make('p', { class: 'row' },
      make('span', { class: `status ${response.ok ? 'good' : 'bad'}` }, `${response.status} ${response.statusText}`),
      make('span', { class: 'type' }, `${took.toFixed(took < 10 ? 1 : 0)} ms`),
      make('span', { class: 'type' }, `request ${response.headers.get('x-request-id') || ''}`)),
    make('pre', { tabindex: '0', 'aria-label': 'Answer' }, shown || '(empty)'),
  ];
}

/** One route: closed until somebody looks at it, and only then filled. */
function article(method, path, operation) {
  const details = make('details', {},
    make('summary', {},
      make('span', { class: `method ${method}` }, method.toUpperCase()),
      make('span', { class: 'path' }, path),
      make('span', { class: 'what' }, operation.summary || '')));
  details.addEventListener('toggle', () => {
    if (!details.open || details.children.length > 1) return;
    const request = operation.requestBody?.content?.['application/json']?.schema;
    const reply = resolve(operation.responses?.['200'])?.content?.['application/json']?.schema;
    details.append(make('div', { class: 'inside' },
      operation.description && make('p', { class: 'text' }, operation.description),
      tryForm(method, path, operation),
      ...(request ? [make('h3', {}, 'Request'), ...fields(request)] : []),
      ...(reply?.properties ? [make('h3', {}, 'Reply'), ...fields(reply)] : [])));
  });
  return make('article', { id: operation.operationId, 'data-text': `${method} ${path} ${operation.summary || ''}`.toLowerCase() }, details);
}

function show() {
  document.getElementById('version').textContent = `Headrace ${spec.info.version} ·`;
  const about = document.getElementById('about');
  if (spec.info.description) { about.textContent = spec.info.description; about.hidden = false; }
  const main = document.getElementById('operations');
  const contents = document.getElementById('contents');
  const tags = (spec.tags || []).map((tag) => tag.name).sort((a, b) => (a === 'gateway') - (b === 'gateway') || a.localeCompare(b));
  for (const tag of tags) {
    const section = make('section', { 'aria-label': tag }, make('h2', {}, tag));
    const list = make('ul');
    for (const [path, item] of Object.entries(spec.paths)) {
      for (const method of METHODS.filter((each) => item[each] && (item[each].tags || [])[0] === tag)) {
        const shown = article(method, path, item[method]);
        section.append(shown);
        list.append(make('li', {}, make('a', { href: `#${shown.id}`, onclick: () => { shown.firstChild.open = true; } },
          make('span', { class: `method ${method}`, 'aria-hidden': 'true' }, method.toUpperCase()), path)));
      }
    }
    if (section.children.length > 1) { main.append(section); contents.append(make('h2', {}, tag), list); }
  }
  document.getElementById('filter').addEventListener('input', filter);
  const wanted = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (wanted?.matches('article')) { wanted.firstChild.open = true; wanted.scrollIntoView(); }
}

function filter(event) {
  const wanted = event.target.value.trim().toLowerCase();
  for (const each of document.querySelectorAll('article')) each.hidden = !each.dataset.text.includes(wanted);
  for (const link of document.querySelectorAll('#contents a')) {
    link.parentElement.hidden = document.getElementById(link.hash.slice(1)).hidden;
  }
  for (const section of document.querySelectorAll('main section')) {
    section.hidden = !section.querySelector('article:not([hidden])');
  }
}

/** The header by which a caller shows an API key or a token. */
const shownKey = () => (key ? { Authorization: `Bearer ${key}` } : {});

/** A field for the key that requests show; `then` is done when there is one. */
function keyForm(then) {
  const field = make('input', { id: 'key', type: 'password', autocomplete: 'off', spellcheck: 'false', placeholder: 'API key or token' });
  const use = () => { key = field.value.trim(); };
  field.addEventListener('input', use);
  return make('form', { class: 'row', onsubmit: (event) => { event.preventDefault(); use(); then?.(); } },
    make('label', { for: 'key' }, 'Key'), field, then ? make('button', { type: 'submit' }, 'Show') : null);
}

async function begin() {
  const state = document.getElementById('state');
  try {
    const response = await fetch('openapi.json', { headers: shownKey() });
    if (response.status === 401) {
      state.replaceChildren('Show who you are to read the description.', keyForm(begin));
      document.getElementById('operations').removeAttribute('aria-busy');
      return;
    }
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    spec = await response.json();
    if (spec.components?.securitySchemes && !key) state.before(keyForm());
    show();
    state.hidden = true;
  } catch (error) {
    state.textContent = `The description could not be read: ${error.message}`;
    state.className = 'error';
  }
  document.getElementById('operations').removeAttribute('aria-busy');
}

begin();
