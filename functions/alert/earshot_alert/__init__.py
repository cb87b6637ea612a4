"""alert: sends alerts about new rows of the results table, which arrive by its stream."""
