"""classify: classifies uploads and posted clips."""
