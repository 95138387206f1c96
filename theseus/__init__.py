"""Send machine-learning jobs to SLURM clusters and SSH hosts, by a plan that can be read first."""

__version__ = "0.1.0"
