"""Call intake: takes alarms and all that citizens add to them, over HTTP, a plain form and a WebSocket."""
