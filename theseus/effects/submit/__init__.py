"""Submit: an order through source, survey, plan and performing."""
