"""A container engine for the tests: one that answers already, or a dockerd of our own that leaves nothing.

python -m tools.engine up      start one that stays, and print its DOCKER_HOST
python -m tools.engine down    end it; containers, networks, volumes and firewall rules go with it
python -m tools.engine base    make the base image of the tests there, and print its name
python -m tools.engine purge   end it, and forget its images too
"""
