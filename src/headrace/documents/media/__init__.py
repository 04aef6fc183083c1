"""Images, audio, video, meshes and text: bytes, paths and URIs in, arrays out, and back.

Every module here is functions on bytes and arrays and knows no document; `methods` gives them the names
that documents have them under.
"""
