"""Everything the board asks of its database, one file per thing it keeps."""
