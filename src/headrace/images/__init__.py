"""A folder in; out, an OCI image of the Flow or the executor in it, made by the engine that is there.

`making` puts the parts together: `subject` (what is run), `requirements` and `locking` (exact versions),
`own` (which headrace), `dockerfile`, `context` (the files), `builder` (Docker or Podman), `labels`;
`contents` tells what is in an image.
"""
