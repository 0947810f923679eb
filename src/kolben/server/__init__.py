"""Running the app in processes: the production server, built on Granian."""
