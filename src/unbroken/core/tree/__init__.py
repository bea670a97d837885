"""The Merkle tree over a log's entries: RFC 6962 hashes in C2SP tlog-tiles, and its proofs. Pure."""
