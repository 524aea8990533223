"""Pictures, drawn from plain arrays with matplotlib."""
