"""Training sounds from Debian's sound-effect and game-data packages, fetched and labeled."""
