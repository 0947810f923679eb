"""Two modules that are copied into a suite's environment; they import nothing of this package."""
