"""The demo's story: the whole loop on real data, driven from outside as a user would, each claim observed."""
