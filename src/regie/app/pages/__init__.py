"""What the control room's pages show: one request a page, everything on it decided here and nothing in the browser."""
