"""From a server's words to the core's, and back."""
