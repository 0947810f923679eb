"""The board's blueprints, one file each."""
