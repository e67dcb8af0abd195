"""Datasets: sources, contracts, snapshots, the holdout, labels; the tables that steps are given."""
