"""Reaching officers beyond the console: web push, messengers and telephones, webhooks. Never in a request."""
