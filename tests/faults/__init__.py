"""Real faults under load, and a checker that shares no code with the server: nothing here imports it."""
