"""The hub's front door: what one connection may cost before anybody knows who is behind it."""
