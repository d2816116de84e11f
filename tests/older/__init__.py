"""What older builds wrote, and that it is served."""
