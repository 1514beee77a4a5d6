"""What the live page's WebSocket does under many clients, beside its goals: a web process as it is served, on a real Redis."""
