"""The control plane's database: change, audit, events, jobs, leases, access."""
