"""Numbers that a running Flow keeps about itself, in files that outlive its processes."""
