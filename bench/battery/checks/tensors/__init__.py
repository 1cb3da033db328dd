"""Shapes, strides, sizes and formats of the parameters."""

PLACE = 8
