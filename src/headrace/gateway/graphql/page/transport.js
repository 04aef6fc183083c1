// GraphiQL's requests in, results out: JSON for queries and mutations, server-sent events for subscriptions.
'use strict';

const graphqlUrl = new URL('graphql', document.baseURI).href;

async function send(params, headers, accept, signal) {
  return fetch(graphqlUrl, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json', accept },
    body: JSON.stringify(params),
    signal,
  });
}

// Each event of a response as { kind, data }; a part may end in the middle of a line.
async function* eventsOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += value;
      const blocks = text.split('\n\n');
      text = blocks.pop();
      for (const block of blocks) {
        const fields = block.split('\n').filter((line) => line && !line.startsWith(':'));
        if (!fields.length) continue;
        const of = (name) => fields.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? '';
        yield { kind: of('event'), data: of('data') };
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

async function* subscribed(params, headers) {
  const stop = new AbortController();
  try {
    const response = await send(params, headers, 'text/event-stream', stop.signal);
    if (!response.headers.get('content-type').startsWith('text/event-stream')) {
      yield await response.json();
      return;
    }
    for await (const { kind, data } of eventsOf(response)) {
      if (kind === 'complete') return;
      if (kind === 'next') yield JSON.parse(data);
    }
  } finally {
    stop.abort();
  }
}

function isSubscription({ query, operationName }) {
  try {
    const document = GraphiQL.GraphQL.parse(query);
    return GraphiQL.GraphQL.getOperationAST(document, operationName)?.operation === 'subscription';
  } catch {
    return false; // the gateway says what is wrong with it
  }
}

// What GraphiQL calls for each operation.
function fetcher(params, options) {
  const headers = options?.headers ?? {};
  if (isSubscription(params)) return subscribed(params, headers);
  return send(params, headers, 'application/graphql-response+json, application/json')
    .then((response) => response.json());
}
