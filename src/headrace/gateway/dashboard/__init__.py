"""The page that shows a running Flow, and the JSON behind it, which `headrace top` reads as well."""
