"""Garments drawn for the purpose are turned into the network that tells garments apart (needs PyTorch)."""
