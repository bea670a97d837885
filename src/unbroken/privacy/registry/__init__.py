"""What tools, data sources and resource types are, and how their data is treated: one TOML file, read and asked."""
