"""Tracers on the real Flask and on Kolben: what each recorded of the same requests."""
