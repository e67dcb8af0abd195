"""What everything stands on: clock, ids, errors, blobs, canonical JSON. Standard library only."""
