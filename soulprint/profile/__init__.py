"""`soulprint profile`: the versions of a user's profile, and putting one back."""
