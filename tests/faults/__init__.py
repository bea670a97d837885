"""Faults: what happens to the log when processes, servers, networks, disks and clocks fail in mid-write."""
