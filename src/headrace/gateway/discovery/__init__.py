"""Where the replicas of an executor are: each way to find them is an iterator of all that there are now."""

from headrace.gateway.discovery.places import Source, source_of, wanted

__all__ = ['Source', 'source_of', 'wanted']
