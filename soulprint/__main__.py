"""The command: `soulprint`, and `python -m soulprint`. Importing it begins it."""

from soulprint import signals

signals.begin()

from soulprint.main import main  # noqa: E402 - what is stopped meanwhile says so

if __name__ == "__main__":
    main()
