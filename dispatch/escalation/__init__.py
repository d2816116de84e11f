"""An unacknowledged alarm always has a next deadline: the policy (pure), and the timer that runs what is due."""
