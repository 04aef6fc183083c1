"""Who calls, and what they may: API keys, tokens, client certificates, scopes, and a brake on guessing."""
