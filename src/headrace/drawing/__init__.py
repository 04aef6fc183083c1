"""A Flow as a drawing: what stands in it, where it stands, and how it looks as Mermaid, SVG and HTML."""
