"""The product: watch, react, train, qualify, release. Each turn looks, decides, and applies in one change."""
