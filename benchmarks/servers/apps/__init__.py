"""The app that each server serves: text, JSON, a value, a JSON body, a database, a wait."""
