"""What a running Flow tells about itself."""
