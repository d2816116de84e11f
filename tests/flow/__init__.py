"""One promise a file: real server, real store, time moved by the clock."""
