"""Automatic updates."""
