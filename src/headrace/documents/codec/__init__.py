"""Documents to bytes and back: columns for the wire, JSON for people."""
