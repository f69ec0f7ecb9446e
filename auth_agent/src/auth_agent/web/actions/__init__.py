"""What can be done, once: pages, JSON API and command line call the same actions."""
