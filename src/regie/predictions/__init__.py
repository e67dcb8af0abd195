"""Records, segments, the lake of answered rows, labels, windows: written by serving, read by monitors, guards and data."""
