"""Steps, their graph, the cache, and the processes in which they run."""
