"""Run the test suites of Flask and its extensions against Kolben, and compare with real Flask."""
