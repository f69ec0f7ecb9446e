"""Presets that ship: one TOML file per kind of app."""
