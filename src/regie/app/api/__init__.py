"""Regie's own API, `/api/v1` and `/w/NAME/api/v1`: routes translate; they decide nothing."""
