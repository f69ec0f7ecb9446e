"""Who may do what: permissions, roles, rules, and why."""
