"""The public gRPC interface as messages: the .proto file, its classes, and documents in their three forms.

The gateway and the client both speak it, and neither knows the other; `headrace.proto` documents every field.
"""
