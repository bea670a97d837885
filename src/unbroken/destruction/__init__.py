"""What shows afterwards that something was destroyed: signed documents, and the ledger in which they stand."""
