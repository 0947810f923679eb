"""The public names of Kolben, each loaded when first asked for."""

__version__ = "0.1.0"
