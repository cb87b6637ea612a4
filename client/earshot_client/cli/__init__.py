"""The command `earshot`; needs the extra `cli`."""
