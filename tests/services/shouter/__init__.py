"""An executor as a folder: config.yml, and a package whose modules import each other."""
