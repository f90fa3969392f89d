"""`soulprint dead`: what was set aside is understood, put back or dropped."""
