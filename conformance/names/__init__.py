"""Compares every name in Flask's modules with what Kolben's answer under it."""
