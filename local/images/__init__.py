"""The images of the functions: build them, and try them as Lambda would run them.

Each image runs under the Lambda Runtime Interface Emulator that its base image holds, with a root
that is read-only, a user who owns nothing, no capabilities and the function's memory. It gets the
same events as the same handler on the local stack, against the same buckets, and must say the same.
"""
