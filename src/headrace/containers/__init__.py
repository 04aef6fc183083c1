"""Container engines: Docker or Podman, whichever answers; what is asked of them, and whose containers are."""
