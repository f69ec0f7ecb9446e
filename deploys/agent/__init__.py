"""The agent that says who comes: installed, upgraded, confined."""
