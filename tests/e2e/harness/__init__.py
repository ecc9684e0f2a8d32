"""What the end-to-end tests stand on: a real control plane, and Crossplane on it.

Only the standard library is used, so that `scripts/controlplane` runs with any Python >= 3.11.
"""
