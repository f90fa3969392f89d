"""The figures of `make bench`, one module each: `figures(session)` measures and yields its lines."""
