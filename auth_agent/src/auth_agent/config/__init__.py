"""The agent's one commented TOML file, typed and strict."""
