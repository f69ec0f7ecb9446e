"""What must hold before a host is touched; asked once, refused all together."""
