"""Help for the person who writes the app; nothing in here is loaded in production."""
