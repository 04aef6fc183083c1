"""HTTP/1.1 and JSON: routes for the endpoints of a Flow, their description, and problems as problem+json."""
