"""Exports that come as the body of a request: from the wire to where the services read them."""
