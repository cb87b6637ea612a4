"""What the pages are drawn with: pure functions for pictures and words, widgets for the rest."""
