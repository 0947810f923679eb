"""Real servers on loopback, each with the same app as its framework has it written."""
