"""`soulprint replay`: how engineers do imports again after a change, at a price that is known before."""
