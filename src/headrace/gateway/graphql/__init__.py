"""GraphQL: a schema made from a Flow's endpoints, and the ways to ask it over HTTP and WebSocket.

It needs the extra `[graphql]`, and is imported only by a gateway that has `graphql` among its protocols.
"""
