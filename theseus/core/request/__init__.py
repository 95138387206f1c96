"""Request: what a user asks for, out of the words of an order."""
