"""Writing: events as drafts, recorded in batches, each answered with a receipt that was checked."""
