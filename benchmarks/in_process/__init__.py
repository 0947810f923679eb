"""One process for each framework that is measured without a server."""
