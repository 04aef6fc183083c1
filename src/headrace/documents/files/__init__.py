"""Documents to one file and back: by the ending of its name, whole or not at all."""

from headrace.documents.files.store import FORMATS, load, save

__all__ = ['FORMATS', 'load', 'save']
