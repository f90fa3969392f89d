"""`soulprint doctor`: what is set up, what is missing, and what to do about it. A family of checks a file."""
