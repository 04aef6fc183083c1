"""What every image that `headrace build` makes promises, and whoever runs one counts on."""

USER = 10001
"""Who runs in it, and the group of that user: nobody whom a machine knows, and not root."""

APP = '/app'
"""Where the folder with the code lies: relative paths of a Flow begin there."""

DATA = '/data'
"""The only folder, beside /tmp, that may be written to."""

DOORS = {'grpc': 50051, 'http': 8080}
"""Where protocols are served whose ports nobody has chosen."""

WORK_PORT = 9090
"""Where a worker in a container of its own is called by gateways."""

HEALTH_PORT = 9091
"""Where each container answers /live, /ready and /metrics."""
