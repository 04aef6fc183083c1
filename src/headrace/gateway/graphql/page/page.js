// Puts GraphiQL on the page, with a query that this Flow answers. The tabs and the history are kept by the browser, for this gateway alone.
'use strict';

const example = `# Ctrl-Space completes, Ctrl-Enter runs.
# The book on the left explains every field.
# Keys go into the tab Headers below, and are
# not kept: {"Authorization": "Bearer KEY"}

${document.getElementById('graphiql').dataset.example}
`;

ReactDOM.createRoot(document.getElementById('graphiql')).render(
  React.createElement(GraphiQL, {
    fetcher,
    defaultQuery: example,
    defaultEditorToolsVisibility: true,
    shouldPersistHeaders: false,
    storage: GraphiQL.createLocalStorage({ namespace: location.pathname }),
  }),
);
