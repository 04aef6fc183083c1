// Puts GraphiQL on the page. The tabs and the history are kept by the browser, for this gateway alone.
'use strict';

const example = `# Ctrl-Space completes, Ctrl-Enter runs, the book on the left explains every field.
# Headers, such as {"Authorization": "Bearer KEY"}, go into the tab below, and are not kept.

{
  __schema {
    queryType { fields { name description } }
    mutationType { fields { name description } }
  }
}
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
