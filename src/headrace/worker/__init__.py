"""One process that runs one executor: load, describe, construct, serve, drain."""
