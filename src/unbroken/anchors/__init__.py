"""Places outside the database that keep the log's checkpoints, so that its owner can't rewrite it unseen."""
