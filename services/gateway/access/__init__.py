"""Who may call the gateway: service keys, tokens of people, a key in the path, tickets."""
