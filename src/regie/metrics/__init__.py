"""The catalogue: what a metric means, the same in gates, guards and monitors. Pure functions on arrays; numpy only."""
