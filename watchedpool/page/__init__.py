"""Pages that play a run in a browser: the player, the data it reads, and the report."""
