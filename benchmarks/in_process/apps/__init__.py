"""The same app as each framework has it written."""
