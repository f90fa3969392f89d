"""`soulprint canary`: how ops move imports from v1 to the pipeline that is served, and back."""
