"""Listen to a microphone or a stream: record, cut into segments, keep on disk, send."""
