"""training: embeds labeled clips, fits a candidate and evaluates it."""
