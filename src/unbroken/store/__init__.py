"""PostgreSQL: connecting, the embedded server, migrations, and the statements in ``sql/``."""
