"""Monitoring: promises about production; signals of windows, and the breaches that they open and close."""
