"""What takes minutes each; `make test-long`."""
