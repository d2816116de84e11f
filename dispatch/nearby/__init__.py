"""Who is near an alarm: officers who share their place, and helpers who are called with a coarse place and a task."""
