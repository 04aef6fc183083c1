"""Documents to Arrow tables and back, without loss.

Arrays of one shape are fixed-shape tensors, nested documents are lists of structs, plain fields are plain
columns; what Arrow has no type for is JSON or msgpack with a note in the field's metadata.
"""

from headrace.documents.arrow.ipc import from_bytes, to_bytes
from headrace.documents.arrow.read import from_table
from headrace.documents.arrow.write import to_table

__all__ = ['from_bytes', 'from_table', 'to_bytes', 'to_table']
