"""Pictures are turned into feature vectors: by the trained network, or the classical way to compare."""

from shop.features.classical import ClassicalExtractor
from shop.features.network import MODEL, NetworkExtractor
from shop.features.pictures import Extractor, Pictures, Vectors, squared

__all__ = ['MODEL', 'ClassicalExtractor', 'Extractor', 'NetworkExtractor', 'Pictures', 'Vectors', 'squared']
