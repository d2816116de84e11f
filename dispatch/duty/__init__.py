"""Who is on duty, and which of them has a console that can wake them. Field's terms: duty rota, shift."""
