"""archive: plans an archive, writes its results as Parquet, and sums it up."""
