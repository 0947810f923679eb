"""An app made ready for requests and the code that walks them through it."""
