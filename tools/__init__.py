"""Commands for those who work on Headrace."""
