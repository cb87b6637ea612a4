"""alert: new rows of the results table, as its stream tells them, become alerts."""
