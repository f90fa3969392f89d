"""Embeddings of passages, from any server that speaks OpenAI's /v1/embeddings."""
