"""Whether what is configured agrees: with the store, with other hubs, and its names with the sign-ins."""
