// A form for any endpoint, from its schema: fields, or JSON, and files; then the answer, and where its time went.

import { answerOf } from './answer.js';
import { get, root, shown } from './api.js';
import { make } from './dom.js';
import { seconds, size } from './numbers.js';
import { inside, kindOf } from './requests.js';

const ASK_AGAIN_MS = [150, 400, 900, 1600];

/** The form in `place`, for the endpoints of a Description. */
export function tryForm(place, description) {
  const endpoints = description.endpoints();
  if (!endpoints.length) { place.replaceChildren(make('p', { class: 'empty' }, 'This Flow has no endpoint over HTTP.')); return; }
  const select = make('select', { id: 'try-endpoint' }, ...endpoints.map((each) => make('option', { value: each.path }, each.path)));
  const about = make('p', { class: 'soft', id: 'try-about' });
  const asFields = make('button', { type: 'button', 'aria-pressed': 'true' }, 'Fields');
  const asJson = make('button', { type: 'button', 'aria-pressed': 'false' }, 'JSON');
  const fields = make('div', { class: 'fields' });
  const json = make('textarea', { id: 'try-json', rows: '10', spellcheck: 'false' });
  const jsonBox = make('div', { hidden: true }, make('label', { for: 'try-json' }, 'Documents, as a JSON list'), json);
  const files = make('input', { id: 'try-files', type: 'file', multiple: true });
  const fileField = make('select', { id: 'try-file-field', 'aria-label': 'Field that the files go into' });
  const previews = make('div', { class: 'previews' });
  const fileBox = make('div', { class: 'files' }, make('label', { for: 'try-files' }, 'Files, one document each'), make('div', { class: 'together' }, files, fileField), previews);
  const parameters = make('textarea', { id: 'try-parameters', rows: '2', spellcheck: 'false' });
  const send = make('button', { type: 'submit' }, 'Send');
  const problem = make('p', { class: 'error', role: 'alert', hidden: true });
  const result = make('div', { class: 'result', role: 'region', 'aria-label': 'Answer' }, make('p', { class: 'empty' }, 'The answer comes here, and where its time went.'));
  const status = make('p', { role: 'status', class: 'soft' });
  const form = make('form', { class: 'panel ask', 'aria-label': 'Request' },
    make('label', { for: 'try-endpoint' }, 'Endpoint'), select, about,
    make('div', { class: 'bar' }, make('h3', {}, 'Document'), make('div', { class: 'choice', role: 'group', 'aria-label': 'How to write it' }, asFields, asJson)),
    fields, jsonBox, fileBox,
    make('label', { for: 'try-parameters' }, 'Parameters, as a JSON object'), parameters,
    problem, make('div', { class: 'together' }, send, status));
  place.replaceChildren(make('div', { class: 'columns' }, form, result));
  let endpoint, inputs = [], isJson = false;

  function choose() {
    endpoint = endpoints.find((each) => each.path === select.value);
    about.textContent = endpoint.summary;
    inputs = description.fields(endpoint.item, endpoint.files).filter((field) => field.name !== 'id').map(input);
    const later = inputs.filter((each) => !each.isFirst);
    fields.replaceChildren(...inputs.filter((each) => each.isFirst).map((each) => each.element),
      later.length ? make('details', {}, make('summary', {}, `${later.length} more field${later.length === 1 ? '' : 's'}`), ...later.map((each) => each.element)) : '');
    json.value = JSON.stringify([description.sample(endpoint.item, endpoint.files)], null, 2);
    fileBox.hidden = !endpoint.files.length;
    fileField.replaceChildren(...endpoint.files.map((name) => make('option', { value: name }, `into ${name}`)));
    fileField.hidden = endpoint.files.length < 2;
    files.value = '';
    previews.replaceChildren();
    parameters.value = '';
    parameters.placeholder = '{}';
  }

  function show(wantsJson) {
    if (wantsJson && !isJson) { try { json.value = JSON.stringify([ofInputs()], null, 2); } catch { /* the field says what is wrong when it is sent */ } }
    isJson = wantsJson;
    asFields.setAttribute('aria-pressed', String(!isJson));
    asJson.setAttribute('aria-pressed', String(isJson));
    fields.hidden = isJson;
    jsonBox.hidden = !isJson;
  }

  const ofInputs = () => Object.fromEntries(inputs.map((each) => [each.name, each.value()]).filter(([, value]) => value !== undefined));

  function asked() {
    const given = parse(parameters.value.trim() || '{}', 'Parameters');
    const documents = isJson ? parse(json.value, 'Documents') : [ofInputs()];
    return { data: Array.isArray(documents) ? documents : [documents], parameters: given };
  }

  /** The body: JSON, or a form if there are files. */
  function bodyOf({ data, parameters: given }) {
    if (!files.files.length) return [JSON.stringify({ data, parameters: given }), { 'Content-Type': 'application/json' }];
    const sent = new FormData();
    const documents = data.length === 1 ? Array.from(files.files, () => data[0]) : data; // the same fields for each file
    sent.append('data', JSON.stringify(documents));
    sent.append('parameters', JSON.stringify(given));
    for (const file of files.files) sent.append(fileField.value, file, file.name);
    return [sent, {}];
  }

  async function submit(event) {
    event.preventDefault();
    problem.hidden = true;
    let body, headers;
    try { [body, headers] = bodyOf(asked()); } catch (error) { problem.textContent = error.message; problem.hidden = false; return; }
    send.disabled = true;
    status.textContent = 'Waiting for the answer…';
    const id = `try-${[...crypto.getRandomValues(new Uint8Array(10))].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
    const begun = performance.now();
    try {
      const url = new URL(`.${endpoint.path}`, root);
      url.searchParams.set('arrays', 'base64');
      const response = await fetch(url, { method: 'POST', body, headers: { ...shown(), ...headers, 'X-Request-ID': id, Accept: 'application/json' } });
      const text = await response.text();
      const took = (performance.now() - begun) / 1000;
      result.replaceChildren(...present(response, text, took));
      status.textContent = `${response.status} in ${seconds(took)}`;
      await stages(id);
    } catch (error) {
      result.replaceChildren(make('p', { class: 'error' }, `No answer: ${error.message}`));
      status.textContent = 'No answer.';
    }
    send.disabled = false;
  }

  function present(response, text, took) {
    let body = null;
    try { body = JSON.parse(text); } catch { /* no JSON: shown as it is */ }
    const head = make('p', { class: 'outcome' }, make('span', { class: `status ${kindOf(response.status)}` }, String(response.status)), `${seconds(took)} as this page saw it, ${size(text.length)}`);
    if (!response.ok) return [head, make('p', { class: 'error' }, body?.detail ?? text.slice(0, 1000)), body?.help ? make('p', { class: 'soft' }, body.help) : '', ...(body?.errors ?? []).map((each) => make('p', {}, make('code', {}, each.path), ` ${each.detail}`)), stagesPlace()];
    return [head, stagesPlace(), ...(body ? answerOf(body) : [make('pre', { tabindex: '0' }, text.slice(0, 20000))])];
  }

  const stagesPlace = () => make('div', { class: 'stages' });

  /** Where the time went: the gateway knows a moment later, another gateway of the Flow a second later. */
  async function stages(id) {
    for (const pause of ASK_AGAIN_MS) {
      await new Promise((done) => { setTimeout(done, pause); });
      const told = await get('requests', { id }).catch(() => null);
      if (told?.named) { result.querySelector('.stages')?.replaceChildren(...inside({ ...told.named, error: '' })); return; }
    }
  }

  select.addEventListener('change', choose);
  asFields.addEventListener('click', () => show(false));
  asJson.addEventListener('click', () => show(true));
  form.addEventListener('submit', submit);
  files.addEventListener('change', () => previews.replaceChildren(...Array.from(files.files, preview)));
  choose();
}

function parse(text, what) {
  try { return JSON.parse(text); } catch (error) { throw new Error(`${what}: ${error.message}`); }
}

function preview(file) {
  if (!file.type.startsWith('image/')) return make('span', { class: 'file' }, `${file.name}, ${size(file.size)}`);
  const url = URL.createObjectURL(file);
  const image = make('img', { src: url, alt: file.name });
  image.addEventListener('load', () => URL.revokeObjectURL(url));
  return make('figure', { class: 'file' }, image, make('figcaption', {}, `${file.name}, ${size(file.size)}`));
}

/** One field: what is left empty is left out. Those that have to be there, and short plain ones, come first. */
function input(field) {
  const id = `try-field-${field.name}`;
  const hint = field.preset !== undefined && field.preset !== '' && typeof field.preset !== 'object' ? String(field.preset) : '';
  let control;
  if (field.kind === 'choice' || field.kind === 'boolean') {
    const choices = field.kind === 'boolean' ? ['true', 'false'] : field.choices.map(String);
    control = make('select', { id }, make('option', { value: '' }, field.must ? 'choose' : `default${hint ? `: ${hint}` : ''}`), ...choices.map((each) => make('option', {}, each)));
  } else if (field.kind === 'integer' || field.kind === 'number') {
    control = make('input', { id, type: 'number', step: field.kind === 'integer' ? '1' : 'any', placeholder: hint });
  } else if (field.kind === 'text') {
    control = make('textarea', { id, rows: '1', placeholder: hint, spellcheck: 'false' });
  } else {
    control = make('input', { id, placeholder: field.kind === 'bytes' ? 'base64' : 'JSON', spellcheck: 'false' });
  }
  if (field.must) control.setAttribute('aria-required', 'true');
  if (field.about) control.setAttribute('aria-describedby', `${id}-about`);
  const value = () => {
    const text = control.value;
    if (text === '') {
      if (field.must && field.kind === 'text') return '';
      if (field.must && !field.isFile) throw new Error(`${field.name} has to be there.`);
      return undefined;
    }
    if (field.kind === 'boolean') return text === 'true';
    if (field.kind === 'integer' || field.kind === 'number') return Number(text);
    if (field.kind === 'json') return parse(text, field.name);
    if (field.kind === 'choice') return field.choices.find((each) => String(each) === text);
    return text;
  };
  const isPlain = ['text', 'number', 'integer', 'choice', 'boolean'].includes(field.kind) && !field.isFile;
  return {
    name: field.name, value, isFirst: field.must || (isPlain && (field.name === 'text' || !['uri', 'mime_type', 'weight', 'parent_id', 'granularity', 'adjacency'].includes(field.name))),
    element: make('div', { class: 'field' }, make('label', { for: id }, field.name, field.must ? make('span', { class: 'must' }, ' required') : ''), control, field.about ? make('p', { class: 'soft', id: `${id}-about` }, field.about.split('\n')[0]) : ''),
  };
}
