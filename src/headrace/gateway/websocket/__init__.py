"""The WebSocket door: frames in, requests through the Flow, messages out; it shares the port of HTTP."""
