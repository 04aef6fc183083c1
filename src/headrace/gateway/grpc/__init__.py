"""The gRPC door of a gateway: unary calls, a stream of many requests, descriptions, health, reflection."""
