"""Garments drawn from numbers: a seed is turned into a design, a design into a picture."""

from shop.drawing.design import CATEGORIES, Design, design
from shop.drawing.render import catalogue_picture, cutout

__all__ = ['CATEGORIES', 'Design', 'catalogue_picture', 'cutout', 'design']
