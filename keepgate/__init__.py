"""What runs on the operator's machine."""
