"""Earshot on one machine: the same template, deployed to an emulator of AWS.

No account and no Docker. `python -m local.up` starts it, `local.down` stops it, `local.logs`
shows what the functions logged.
"""
