"""What other systems have to know of a Flow: pure functions from its spec to files, by their names."""
