// The Flow behind this page: one function per endpoint; an answer that is an error is thrown with its own words.

const LONGEST_SIDE = 640; // pixels; the network looks at fewer, and a phone's photo has millions

async function post(endpoint, data, parameters = {}) {
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ data, parameters }),
  }).catch(() => { throw new Error('The shop does not answer. Is the Flow still running?'); });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.detail || body.title || `The shop answered ${answer.status}.`);
  return body;
}

/** The garments of the catalogue that look like `query`, { blob } or { uri }, best first. */
export async function search(query, wishes) {
  const { data } = await post('search', [query], wishes);
  return data[0].matches ?? [];
}

/** How many garments there are, in all and in each category: { garments, categories }. */
export async function status() {
  const { parameters } = await post('status', []);
  return Object.values(parameters.__results__)[0];
}

/** The example photos: [{ file, title }]; none if the catalogue brings no examples. */
export async function examples() {
  const answer = await fetch('examples/examples.json');
  return answer.ok ? answer.json() : [];
}

/** A picture file as the base64 text that documents carry; large photos are made smaller and upright first. */
export async function encoded(file) {
  const small = await shrunk(file).catch(() => file); // a kind of picture that only the server may know
  const url = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(small);
  });
  return url.slice(url.indexOf(',') + 1);
}

async function shrunk(file) {
  const bitmap = await createImageBitmap(file, { imageOrientation: 'from-image' });
  const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(bitmap.width * scale);
  canvas.height = Math.round(bitmap.height * scale);
  const drawing = canvas.getContext('2d');
  drawing.fillStyle = '#f5f5f5';
  drawing.fillRect(0, 0, canvas.width, canvas.height);
  drawing.imageSmoothingQuality = 'high';
  drawing.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('no picture'))), 'image/jpeg', 0.92);
  });
}
